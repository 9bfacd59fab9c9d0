import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import type { Wake } from '../platform/queue/wake.js';
import { isLiveKey } from '../sessions/live-api-keys.js';
import { toldOf } from './mails.js';

const atOnce = 500;

// A key that was made for less than a week has no week before its end.
const expiresWithin = (days: number) => Prisma.sql`k.expiry_told_at IS NULL
  AND k.expires_at < clock_timestamp() + make_interval(days => ${days}::int)
  AND k.expires_at > k.created_at + interval '7 days' AND ${isLiveKey}`;

/**
 * Mails a week before keys expire: their owners, or of service users' keys their makers, once for each key. Who has no
 * verified address is not told.
 */
export async function tellOfExpiry({ db, outboxWake }: { db: Db; outboxWake: Wake }): Promise<void> {
  const people = await db.$queryRaw<{ id: string }[]>`
    SELECT DISTINCT ${toldOf} AS id FROM api_key k JOIN "user" o ON o.id = k.user_id
    WHERE ${expiresWithin(7)} AND ${toldOf} IS NOT NULL LIMIT ${atOnce}`;
  for (const { id } of people) await tell(db, id);
  if (people.length > 0) outboxWake.wake();
}

/**
 * One statement, so that of two instances one writes the mail. It is about the keys of the next day, too: so nobody gets a
 * mail each hour.
 */
async function tell(db: Db, userId: string): Promise<void> {
  const from = Prisma.sql`FROM (
    SELECT * FROM "user" WHERE id = ${userId}::uuid AND disabled_at IS NULL AND EXISTS (SELECT FROM told)) u`;
  await db.$executeRaw`
    WITH told AS (
      UPDATE api_key SET expiry_told_at = clock_timestamp() WHERE expiry_told_at IS NULL AND id IN (
        SELECT k.id FROM api_key k JOIN "user" o ON o.id = k.user_id WHERE ${expiresWithin(8)} AND ${toldOf} = ${userId}::uuid)
      RETURNING id
    ) ${enqueueNotice('api_key_expiring', from, undefined)}`;
}
