import { Prisma } from '../generated/prisma/client.js';
import type { AccessTokenSettings } from './access-tokens.js';

/** How long sessions and their tokens live, in seconds. */
export type SessionSettings = AccessTokenSettings & {
  refreshTtl: number;
  refreshGrace: number;
  sessionMaxAge: number;
};

/**
 * Seconds that a session may stay idle beyond `REFRESH_TOKEN_TTL`, so that those which began together do not all have
 * to log in again together: the same on every instance.
 */
export function idleJitter(refreshTtl: number, sessionId: string): number {
  return (Number.parseInt(sessionId.slice(-4), 16) / 0xffff) * maxIdleJitter(refreshTtl);
}

/** The most that {@link idleJitter} gives: 5 %, and an hour. */
export function maxIdleJitter(refreshTtl: number): number {
  return Math.min(refreshTtl / 20, 3600);
}

/** Not idle for too long and not too old, by the database's clock: a condition over the session's row `s`. */
export function isOfAge({ refreshTtl, sessionMaxAge }: SessionSettings, sessionId: string): Prisma.Sql {
  return Prisma.sql`s.rotated_at > clock_timestamp() - ${seconds(refreshTtl + idleJitter(refreshTtl, sessionId))}
    AND s.created_at > clock_timestamp() - ${seconds(sessionMaxAge)}`;
}

/** So many seconds as an interval of SQL. */
export function seconds(count: number): Prisma.Sql {
  return Prisma.sql`make_interval(secs => ${count})`;
}
