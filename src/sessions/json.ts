import { z } from 'zod';
import { time } from '../platform/http/fields.js';
import { userExample, userSchema } from '../users/json.js';
import type { LiveSession } from './list.js';

const sessionExample = {
  id: '01a203b2-0d47-7f06-8a35-9e1d6b7c4f52',
  created_at: '2026-11-22T14:18:48.360Z',
  last_used_at: '2026-11-22T14:33:02.118Z',
  expires_at: '2026-12-22T14:33:02.118Z',
  ip: '192.0.2.7',
  user_agent: 'Mozilla/5.0',
  current: true,
};

const sessionSchema = z
  .object({
    id: z.uuid(),
    created_at: time,
    last_used_at: time.meta({ description: 'When its refresh token was last used.' }),
    expires_at: time.meta({ description: 'When it ends without a refresh.' }),
    ip: z.string().nullable(),
    user_agent: z.string().nullable(),
    current: z.boolean().meta({ description: 'Whether it is the session of this request.' }),
  })
  .meta({ id: 'Session', example: sessionExample });

export const sessionListSchema = z
  .object({ data: z.array(sessionSchema) })
  .meta({ id: 'SessionList', example: { data: [sessionExample] } });

export function sessionsJson(live: LiveSession[], current: string): z.infer<typeof sessionListSchema> {
  return { data: live.map((session) => ({ ...sessionJson(session), current: session.id === current })) };
}

export function sessionJson({ id, createdAt, lastUsedAt, expiresAt, ip, userAgent }: LiveSession) {
  return {
    id,
    created_at: createdAt.toISOString(),
    last_used_at: lastUsedAt.toISOString(),
    expires_at: expiresAt.toISOString(),
    ip,
    user_agent: userAgent,
  };
}

/** The token response (RFC 6749 §5.1); with `transport: "cookie"` the three tokens are in cookies. */
export const tokenResponseSchema = z
  .object({
    access_token: z.string().optional().meta({ description: 'A JWT. Not with the transport `cookie`.' }),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ description: 'Lifetime of the access token, in seconds.' }),
    refresh_token: z.string().optional().meta({ description: 'Good for one use. Not with the transport `cookie`.' }),
    refresh_expires_in: z.int().meta({ description: 'Lifetime of the refresh token, in seconds.' }),
    session_id: z.uuid(),
    device_token: z
      .string()
      .optional()
      .meta({ description: 'Send it with the next login. Not after a refresh, and not with the transport `cookie`.' }),
    user: userSchema,
  })
  .meta({
    id: 'TokenResponse',
    description: 'RFC 6749 §5.1. With the transport `cookie`, the three tokens are in cookies instead.',
    example: {
      access_token: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIwMWEyMDM5ZiJ9.c2lnbmF0dXJl',
      refresh_token: 'AcFTi4L3FoAAAZogOfZs4XtMnFFqXY8OKzEBAAAAAA',
      device_token: '3Pekminx9UAZogOfZs4XtMnFFqXY8OKzE',
      token_type: 'Bearer',
      expires_in: 900,
      refresh_expires_in: 2592000,
      session_id: sessionExample.id,
      user: userExample,
    },
  });
