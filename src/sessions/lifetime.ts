import { Prisma } from '../generated/prisma/client.js';
import type { AccessTokenSettings } from './access-tokens.js';

/** In seconds. */
export type SessionSettings = AccessTokenSettings & {
  refreshTtl: number;
  refreshGrace: number;
  sessionMaxAge: number;
};

/** Extra seconds, so that sessions that began together do not all expire together; the same on every instance. */
export function idleJitter(refreshTtl: number, sessionId: string): number {
  return (Number.parseInt(sessionId.slice(-4), 16) / 0xffff) * maxIdleJitter(refreshTtl);
}

/** The most that {@link idleJitter} gives: 5 %, at most an hour. */
export function maxIdleJitter(refreshTtl: number): number {
  return Math.min(refreshTtl / 20, 3600);
}

/** A condition on the session's row `s`: neither idle too long nor too old, by the database's clock. */
export function isOfAge({ refreshTtl, sessionMaxAge }: SessionSettings, sessionId: string): Prisma.Sql {
  return Prisma.sql`s.rotated_at > clock_timestamp() - ${seconds(refreshTtl + idleJitter(refreshTtl, sessionId))}
    AND s.created_at > clock_timestamp() - ${seconds(sessionMaxAge)}`;
}

export function seconds(count: number): Prisma.Sql {
  return Prisma.sql`make_interval(secs => ${count})`;
}
