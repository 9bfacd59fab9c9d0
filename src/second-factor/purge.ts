import { Prisma } from '../generated/prisma/client.js';
import { deleteInBatches } from '../platform/db/batches.js';
import type { Db } from '../platform/db/database.js';
import { enrolmentLife } from './enrol.js';

/** Authenticator apps that were never confirmed, logins that were never finished, and devices trusted no longer. */
export async function purgeSecondFactors({ db }: { db: Db }): Promise<void> {
  const waitedFor = Prisma.sql`make_interval(secs => ${enrolmentLife})`;
  await deleteInBatches(db, 'totp', Prisma.sql`confirmed_at IS NULL AND created_at < clock_timestamp() - ${waitedFor}`);
  await deleteInBatches(db, 'login_attempt', Prisma.sql`expires_at < clock_timestamp()`);
  await deleteInBatches(db, 'trusted_device', Prisma.sql`expires_at < clock_timestamp()`);
}
