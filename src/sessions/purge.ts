import { Prisma } from '../generated/prisma/client.js';
import { batchSize, inBatches } from '../platform/db/batches.js';
import type { Db } from '../platform/db/database.js';

type Purged = { sessions: number; revocations: number };

type PurgeDeps = { db: Db; config: { tokens: { refreshTtl: number; sessionMaxAge: number } } };

// Ended sessions stay a week, so that their tokens get "ended" instead of "unknown", and questions about a theft can be
// answered.
const keptAfterEnd = 7 * 86_400;

/** Only to free space: a session's state is checked at each use. @returns undefined if another instance is purging */
export async function purgeSessions({ db, config }: PurgeDeps): Promise<Purged | undefined> {
  const { refreshTtl, sessionMaxAge } = config.tokens;
  const before = (seconds: number) => Prisma.sql`clock_timestamp() - make_interval(secs => ${seconds})`;
  // A live access token may outlast its idle session; until then the row must stay. The condition on rotated_at is for
  // the index.
  const sessions = Prisma.sql`DELETE FROM session WHERE id IN (
    SELECT id FROM session WHERE rotated_at < ${before(keptAfterEnd)} AND access_expires_at < ${before(600)} AND (ended_at < ${before(keptAfterEnd)}
      OR rotated_at < ${before(refreshTtl + keptAfterEnd)} OR created_at < ${before(sessionMaxAge + keptAfterEnd)})
    LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`;
  const revocations = Prisma.sql`DELETE FROM revocation WHERE id IN (
    SELECT id FROM revocation WHERE keep_until < ${before(600)} LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`;
  const removed = [await inBatches(db, sessions), await inBatches(db, revocations)];
  if (removed.every((count) => count === undefined)) return undefined;
  // Another instance may have had the lock for one of the two.
  const [fromSessions = 0, fromRevocations = 0] = removed;
  return { sessions: fromSessions, revocations: fromRevocations };
}
