import { type Actor, auditEvent } from '../audit/events.js';
import { Prisma } from '../generated/prisma/client.js';
import { channel } from '../platform/db/channel.js';
import type { Transaction } from '../platform/db/database.js';
import type { Revocation } from './revocations.js';

/** How long an instance remembers a key that it has looked up, in seconds. */
export const keyRememberedFor = 300;

// One that has expired needs no ending, but the clock of an instance may be behind.
const isOrWasLive = Prisma.sql`revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > clock_timestamp() - interval '1 minute')`;

/**
 * Ends the API keys that match a condition, and the access tokens that were made from them.
 * @param which a condition on `api_key`
 * @returns what to remember after the commit
 */
export async function endApiKeys(tx: Transaction, which: Prisma.Sql, actor: Actor): Promise<Revocation[]> {
  // An instance may remember a key for a while, and a token that was made from it has its own end.
  const ended = await tx.$queryRaw<{ userId: string; sessionId: string; keepUntil: Date }[]>`
    WITH ended AS (
      UPDATE api_key SET revoked_at = clock_timestamp() WHERE ${isOrWasLive} AND (${which})
      RETURNING id, user_id,
        greatest(access_expires_at, clock_timestamp() + make_interval(secs => ${keyRememberedFor})) AS keep_until
    ), remembered AS (
      INSERT INTO revocation (user_id, session_id, keep_until) SELECT user_id, id, keep_until FROM ended
    )
    SELECT user_id AS "userId", id AS "sessionId", keep_until AS "keepUntil",
      pg_notify(${channel}, concat_ws(' ', 'session', user_id, id, (extract(epoch FROM keep_until) * 1000)::bigint))::text
    FROM ended`;
  for (const { userId, sessionId } of ended)
    await tx.$executeRaw(auditEvent('api_key.revoked', userId, actor, { api_key_id: sessionId }));
  return ended.map(({ userId, sessionId, keepUntil }) => ({ userId, sessionId, version: null, keepUntil }));
}

/** {@link endApiKeys} for all keys of a user. Lock the user first. */
export function endApiKeysOf(tx: Transaction, userId: string, actor: Actor): Promise<Revocation[]> {
  return endApiKeys(tx, Prisma.sql`user_id = ${userId}::uuid`, actor);
}
