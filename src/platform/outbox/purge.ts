import { Prisma } from '../../generated/prisma/client.js';
import { batchSize, inBatches } from '../db/batches.js';
import type { Db } from '../db/database.js';

// Days to keep sent mails, to answer questions about them, and dead letters, to be noticed.
const keptDays = 7;

export async function purgeOutbox({ db }: { db: Db }): Promise<void> {
  await inBatches(
    db,
    Prisma.sql`DELETE FROM outbox WHERE id IN (
      SELECT id FROM outbox WHERE coalesce(sent_at, failed_at) < clock_timestamp() - make_interval(days => ${keptDays}::int)
      LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
  );
}
