import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import type { Authentication } from './authentication.js';
import { maxIdleJitter } from './refresh.js';
import { authenticationColumns } from './start.js';

export type LiveSession = Authentication & {
  id: string;
  createdAt: Date;
  lastUsedAt: Date;
  expiresAt: Date;
  ip: string | null;
  userAgent: string | null;
};

type ListDeps = { db: Db; config: { tokens: { refreshTtl: number; sessionMaxAge: number } } };

/** The user's live sessions, last used first, at most 1,000. */
export async function listLiveSessions({ db, config }: ListDeps, userId: string): Promise<LiveSession[]> {
  const { refreshTtl, sessionMaxAge } = config.tokens;
  const after = (seconds: number) => Prisma.sql`make_interval(secs => ${seconds})`;
  // A session in its jitter can still be refreshed, so it is listed although `expiresAt` has passed.
  return db.direct<LiveSession>(Prisma.sql`
    SELECT id, ${authenticationColumns}, created_at AS "createdAt", rotated_at AS "lastUsedAt", ip, user_agent AS "userAgent",
      least(rotated_at + ${after(refreshTtl)}, created_at + ${after(sessionMaxAge)}) AS "expiresAt"
    FROM session s
    WHERE user_id = ${userId}::uuid AND ended_at IS NULL AND epoch = (SELECT epoch FROM "user" WHERE id = ${userId}::uuid)
      AND rotated_at + ${after(refreshTtl + maxIdleJitter(refreshTtl))} > clock_timestamp()
      AND created_at + ${after(sessionMaxAge)} > clock_timestamp()
    ORDER BY rotated_at DESC LIMIT 1000`);
}
