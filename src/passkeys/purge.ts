import { Prisma } from '../generated/prisma/client.js';
import { deleteInBatches } from '../platform/db/batches.js';
import type { Db } from '../platform/db/database.js';

/** Used challenges that are refused as too old by now, also by an instance whose clock is an hour behind. */
export async function purgeSpentChallenges({ db }: { db: Db }): Promise<void> {
  const isOver = Prisma.sql`expires_at < clock_timestamp() - interval '1 hour'`;
  await deleteInBatches(db, 'spent_challenge', isOver);
}
