import { Prisma } from '../generated/prisma/client.js';
import { batchSize, inBatches } from '../platform/db/batches.js';
import type { Db } from '../platform/db/database.js';

export async function purgePendingSignUps({ db }: { db: Db }): Promise<void> {
  await inBatches(
    db,
    Prisma.sql`DELETE FROM "user" WHERE id IN (
      SELECT id FROM "user" WHERE pending_until < clock_timestamp() LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
  );
}
