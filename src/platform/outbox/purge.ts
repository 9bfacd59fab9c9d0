import { Prisma } from '../../generated/prisma/client.js';
import { batchSize, inBatches } from '../../sessions/purge.js';
import type { Db } from '../db/database.js';

// What was sent is kept this long to answer questions about it, and dead letters to be seen; in days.
const keptDays = 7;

/**
 * Removes old mails, dead tokens, and sign-ups that were never confirmed, which frees their names. Nothing depends on it
 * but room: what is too old opens nothing. A mail that was not sent within its attempts is seen until it is `keptDays` old.
 */
export async function purgeMail({ db }: { db: Db }): Promise<void> {
  await inBatches(
    db,
    Prisma.sql`DELETE FROM outbox WHERE id IN (
      SELECT id FROM outbox WHERE coalesce(sent_at, failed_at) < clock_timestamp() - make_interval(days => ${keptDays}::int)
      LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
  );
  await inBatches(
    db,
    Prisma.sql`DELETE FROM one_time_token WHERE hash IN (
      SELECT hash FROM one_time_token WHERE expires_at < clock_timestamp() LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
  );
  await inBatches(
    db,
    Prisma.sql`DELETE FROM "user" WHERE id IN (
      SELECT id FROM "user" WHERE pending_until < clock_timestamp() LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
  );
}
