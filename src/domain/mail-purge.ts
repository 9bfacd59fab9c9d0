import type { Db } from '../db/database.js';

// What was sent is kept this long to answer questions about it, and dead letters to be seen; in days.
const keptDays = 7;

const batchSize = 1_000;

/**
 * Removes old mails, dead tokens, and sign-ups that were never confirmed, which frees their names. Nothing depends on it
 * but room: what is too old opens nothing. A mail that was not sent within its attempts is seen until it is `keptDays` old.
 */
export async function purgeMail({ db }: { db: Db }): Promise<void> {
  await inBatches(
    () => db.$executeRaw`DELETE FROM outbox WHERE id IN (
      SELECT id FROM outbox WHERE coalesce(sent_at, failed_at) < clock_timestamp() - make_interval(days => ${keptDays}::int)
      LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
  );
  await inBatches(
    () => db.$executeRaw`DELETE FROM one_time_token WHERE hash IN (
      SELECT hash FROM one_time_token WHERE expires_at < clock_timestamp() LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
  );
  await inBatches(
    () => db.$executeRaw`DELETE FROM "user" WHERE id IN (
      SELECT id FROM "user" WHERE pending_until < clock_timestamp() LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)`,
  );
}

async function inBatches(removeBatch: () => Promise<number>): Promise<void> {
  while ((await removeBatch()) === batchSize);
}
