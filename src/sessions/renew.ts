import { Prisma } from '../generated/prisma/client.js';
import type { Transaction } from '../platform/db/database.js';
import { type User, userColumns } from '../users/users.js';
import { signAccessToken } from './access-tokens.js';
import type { Authentication } from './authentication.js';
import { newNonce, nonceHash, sealRefreshToken } from './refresh-tokens.js';
import { authenticationColumns, type SessionsDeps, type SessionTokens } from './start.js';

/** New tokens for a live session; its earlier refresh tokens are void at once, without a grace. */
export async function renewSession(
  tx: Transaction,
  { keys, config: { tokens }, ownClaims }: Pick<SessionsDeps, 'keys' | 'config' | 'ownClaims'>,
  sessionId: string,
): Promise<SessionTokens | undefined> {
  const nonce = newNonce();
  const issuedAt = Math.floor(Date.now() / 1000);
  const seconds = (count: number) => Prisma.sql`make_interval(secs => ${count})`;
  const [row] = await tx.$queryRaw<(User & Authentication & { counter: number; refreshExpiresIn: number })[]>`
    UPDATE session s SET nonce_hash = ${nonceHash(nonce)}, counter = s.counter + 1, rotated_at = clock_timestamp(),
      access_expires_at = greatest(s.access_expires_at, ${new Date((issuedAt + tokens.accessTtl) * 1000)}::timestamptz)
    FROM "user" u WHERE s.id = ${sessionId}::uuid AND u.id = s.user_id AND s.ended_at IS NULL AND s.epoch = u.epoch
    RETURNING ${userColumns}, ${authenticationColumns}, s.counter, ceil(extract(epoch FROM least(s.rotated_at + ${seconds(tokens.refreshTtl)},
      s.created_at + ${seconds(tokens.sessionMaxAge)}) - clock_timestamp()))::int AS "refreshExpiresIn"`;
  if (!row) return undefined;
  const { counter, refreshExpiresIn, amr, acr, authTime, ...user } = row;
  const keyId = keys.active('refresh').kid;
  return {
    sessionId,
    user,
    authentication: { amr, acr, authTime },
    accessToken: signAccessToken(keys, tokens, { ...row, sessionId, own: ownClaims(user) }, issuedAt),
    accessExpiresIn: tokens.accessTtl,
    refreshToken: sealRefreshToken(keys, { keyId, sessionId, counter, nonce }),
    refreshExpiresIn,
  };
}
