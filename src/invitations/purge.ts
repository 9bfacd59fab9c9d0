import { Prisma } from '../generated/prisma/client.js';
import { deleteInBatches } from '../platform/db/batches.js';
import type { Db } from '../platform/db/database.js';

export async function purgeInvitations({ db }: { db: Db }): Promise<void> {
  await deleteInBatches(db, 'invitation', Prisma.sql`expires_at < clock_timestamp()`);
}
