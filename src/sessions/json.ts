import { z } from 'zod';
import { time } from '../platform/http/fields.js';
import type { LiveSession } from './list.js';
import { authenticationFields, authenticationJson } from './token-reply.js';

const sessionExample = {
  id: '01a203b2-0d47-7f06-8a35-9e1d6b7c4f52',
  created_at: '2026-11-22T14:18:48.360Z',
  last_used_at: '2026-11-22T14:33:02.118Z',
  expires_at: '2026-12-22T14:33:02.118Z',
  acr: 'aal1' as const,
  amr: ['pwd'],
  auth_time: '2026-11-22T14:18:48.360Z',
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
    ...authenticationFields,
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

export function sessionJson({ id, createdAt, lastUsedAt, expiresAt, ip, userAgent, ...authentication }: LiveSession) {
  return {
    id,
    created_at: createdAt.toISOString(),
    last_used_at: lastUsedAt.toISOString(),
    expires_at: expiresAt.toISOString(),
    ...authenticationJson(authentication),
    ip,
    user_agent: userAgent,
  };
}
