import { Prisma } from '../generated/prisma/client.js';
import { deleteInBatches } from '../platform/db/batches.js';
import type { Db } from '../platform/db/database.js';

/** A week after its end a key is unknown, as the session of an old token is. */
export async function purgeApiKeys({ db }: { db: Db }): Promise<void> {
  const weekAgo = Prisma.sql`clock_timestamp() - interval '7 days'`;
  await deleteInBatches(db, 'api_key', Prisma.sql`revoked_at < ${weekAgo} OR expires_at < ${weekAgo}`);
}
