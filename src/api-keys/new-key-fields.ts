import { z } from 'zod';
import type { Config } from '../config.js';
import { AppError } from '../errors.js';
import { isPermission, permissions } from '../permissions/permissions.js';
import { textSchema } from '../platform/http/fields.js';
import type { WantedKey } from './make.js';

// A hundred years: more is no date that clients can read.
const longestSeconds = 3_153_600_000;

/** What the body of a row that makes a key has. The owner is none of it: that is said by the token or the path. */
export const newKeyFields = {
  name: textSchema(1, 64)
    .regex(/^(?!\s*$)[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'Use letters and signs that can be seen.')
    .meta({ example: 'Nightly backup' }),
  scopes: z
    .array(
      z
        .string()
        .refine(isPermission, 'There is no such permission.')
        .meta({ enum: permissions.map(({ name }) => name) }),
    )
    .min(1, 'Name at least one permission.')
    .max(64)
    .meta({ example: ['todos:read'] }),
  expires_in: z.int().min(1).max(longestSeconds).nullable().optional().meta({
    description:
      'In seconds; by default `API_KEY_TTL`, at most `API_KEY_MAX_AGE`. `null` is without an end, where that is `off`.',
    example: 7_776_000,
  }),
};

type NewKeyBody = { name: string; scopes: string[]; expires_in?: number | null | undefined };

/** @throws AppError validation_failed if the key would be good for longer than the settings allow */
export function wantedKey({ name, scopes, expires_in }: NewKeyBody, { ttl, maxAge }: Config['apiKeys']): WantedKey {
  const expiresIn = expires_in === undefined ? ttl : expires_in;
  if (maxAge !== undefined && (expiresIn === null || expiresIn > maxAge))
    throw new AppError('validation_failed', {
      errors: [{ path: 'expires_in', message: `At most ${maxAge} seconds on this server.` }],
    });
  return { name, scopes: [...new Set(scopes)].sort(), expiresIn };
}
