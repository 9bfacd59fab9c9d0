import { Prisma } from '../../generated/prisma/client.js';
import { batchSize, inBatches } from '../db/batches.js';
import type { Db } from '../db/database.js';

// What was sent is kept this long to answer questions about it, and dead letters to be seen; in days.
const keptDays = 7;

/** Removes what was sent, and what was given up, once it is {@link keptDays} old. */
export async function purgeOutbox({ db }: { db: Db }): Promise<void> {
  await inBatches(
    db,
    Prisma.sql`DELETE FROM outbox WHERE id IN (
      SELECT id FROM outbox WHERE coalesce(sent_at, failed_at) < clock_timestamp() - make_interval(days => ${keptDays}::int)
      LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
  );
}
