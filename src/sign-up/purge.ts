import { Prisma } from '../generated/prisma/client.js';
import { deleteInBatches } from '../platform/db/batches.js';
import type { Db } from '../platform/db/database.js';

export async function purgePendingSignUps({ db }: { db: Db }): Promise<void> {
  await deleteInBatches(db, 'user', Prisma.sql`pending_until < clock_timestamp()`);
}
