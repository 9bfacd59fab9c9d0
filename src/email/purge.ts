import { Prisma } from '../generated/prisma/client.js';
import { batchSize, inBatches } from '../platform/db/batches.js';
import type { Db } from '../platform/db/database.js';

export async function purgeTokens({ db }: { db: Db }): Promise<void> {
  await inBatches(
    db,
    Prisma.sql`DELETE FROM one_time_token WHERE hash IN (
      SELECT hash FROM one_time_token WHERE expires_at < clock_timestamp() LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
  );
}
