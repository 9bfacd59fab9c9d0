import { Prisma } from '../generated/prisma/client.js';
import { batchSize, inBatches } from '../platform/db/batches.js';
import type { Db } from '../platform/db/database.js';

/**
 * Marks the sessions that ended with all of their user but were too many to mark at once. They are refused anyway; any
 * instance can go on after a crash.
 */
export async function finishEndings({ db }: { db: Db }): Promise<void> {
  const unfinished = await db.unfinishedEnding.findMany({ orderBy: { endedAt: 'asc' }, take: 100 });
  for (const { userId, epoch, reason, endedAt } of unfinished) {
    const isLeft = Prisma.sql`user_id = ${userId}::uuid AND ended_at IS NULL AND epoch < ${epoch}`;
    await inBatches(
      db,
      Prisma.sql`UPDATE session SET ended_at = ${endedAt}::timestamptz, end_reason = ${reason}
        WHERE id IN (SELECT id FROM session WHERE ${isLeft} LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
    );
    await db.$executeRaw`
      DELETE FROM unfinished_ending WHERE user_id = ${userId}::uuid AND epoch = ${epoch}
        AND NOT EXISTS (SELECT FROM session WHERE ${isLeft})`;
  }
}
