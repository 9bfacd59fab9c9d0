import { Prisma } from '../generated/prisma/client.js';
import { batchSize, inBatches } from '../platform/db/batches.js';
import type { Db } from '../platform/db/database.js';
import { enrolmentLife } from './enrol.js';

/** Authenticator apps that were never confirmed, logins that were never finished, and devices trusted no longer. */
export async function purgeSecondFactors({ db }: { db: Db }): Promise<void> {
  const waitedFor = Prisma.sql`make_interval(secs => ${enrolmentLife})`;
  await purge(db, 'totp', Prisma.sql`confirmed_at IS NULL AND created_at < clock_timestamp() - ${waitedFor}`);
  await purge(db, 'login_attempt', Prisma.sql`expires_at < clock_timestamp()`);
  await purge(db, 'trusted_device', Prisma.sql`expires_at < clock_timestamp()`);
}

async function purge(db: Db, name: string, isOver: Prisma.Sql): Promise<void> {
  const table = Prisma.raw(name);
  await inBatches(
    db,
    Prisma.sql`DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM ${table} WHERE ${isOver} LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)) AND ${isOver}`,
  );
}
