import { Prisma } from '../../generated/prisma/client.js';
import type { Db } from '../db/database.js';
import { leaseSeconds } from '../queue/lease.js';

/** An item leased to this worker alone. `attempts` includes this one and identifies the lease. */
export type OutboxItem = {
  id: string;
  purpose: string;
  userId: string | null;
  recipient: string;
  detail: { username?: string; ip?: string | null; device?: string };
  attempts: number;
};

type Taken = Pick<OutboxItem, 'id' | 'attempts'>;
type QueueDeps = { db: Db };

/**
 * Workers at the same time get different items. Items of the same purpose and address go one after another, so that the
 * last mail has the newest token.
 */
export async function takeItems({ db }: QueueDeps, max: number): Promise<OutboxItem[]> {
  return db.direct<OutboxItem>(Prisma.sql`
    UPDATE outbox SET attempts = attempts + 1, due_at = clock_timestamp() + make_interval(secs => ${leaseSeconds})
    WHERE id IN (
      SELECT id FROM outbox o WHERE ${isNext} AND due_at <= clock_timestamp()
      ORDER BY due_at LIMIT ${max} FOR UPDATE SKIP LOCKED)
    RETURNING id, purpose, user_id AS "userId", recipient, detail, attempts`);
}

export async function secondsUntilDue({ db }: QueueDeps): Promise<number | undefined> {
  const [row] = await db.direct<{ seconds: number | null }>(Prisma.sql`
    SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8 AS seconds FROM outbox o WHERE ${isNext}`);
  return row?.seconds ?? undefined;
}

const isNext = Prisma.sql`o.sent_at IS NULL AND o.failed_at IS NULL AND NOT EXISTS (
  SELECT FROM outbox e WHERE lower(e.recipient) = lower(o.recipient) AND e.purpose = o.purpose
    AND e.sent_at IS NULL AND e.failed_at IS NULL AND e.id < o.id)`;

export async function extendLease({ db }: QueueDeps, { id, attempts }: Taken): Promise<void> {
  await db.$executeRaw`
    UPDATE outbox SET due_at = clock_timestamp() + make_interval(secs => ${leaseSeconds})
    WHERE id = ${id}::uuid AND attempts = ${attempts} AND sent_at IS NULL`;
}

/** Also after the lease has ended, or the item would be sent again. Of a deleted user, nothing else stays. */
export async function markSent({ db }: QueueDeps, { id }: Taken): Promise<void> {
  await db.$executeRaw`
    UPDATE outbox SET sent_at = clock_timestamp(), last_error = NULL,
      detail = CASE WHEN user_id IS NULL THEN '{}' ELSE detail END
    WHERE id = ${id}::uuid`;
}

export async function dropItem({ db }: QueueDeps, { id }: Taken): Promise<void> {
  await db.$executeRaw`DELETE FROM outbox WHERE id = ${id}::uuid`;
}

/**
 * Of a user's own request the row stays, as if sent: its absence would tell how many mails others have had sent to that
 * address. It counts for nobody.
 */
export async function withholdItem({ db }: QueueDeps, item: Taken): Promise<void> {
  const kept = await db.$executeRaw`
    UPDATE outbox SET sent_at = clock_timestamp(), recipient_key = NULL, last_error = 'withheld by a limit'
    WHERE id = ${item.id}::uuid AND user_id IS NOT NULL`;
  if (kept === 0) await dropItem({ db }, item);
}

/** @param retryIn seconds until the next attempt; undefined makes it a dead letter */
export async function markFailed(
  { db }: QueueDeps,
  { id, attempts }: Taken,
  why: string,
  retryIn: number | undefined,
): Promise<void> {
  await db.$executeRaw`
    UPDATE outbox SET last_error = ${why}, due_at = clock_timestamp() + make_interval(secs => ${retryIn ?? 0}),
      failed_at = CASE WHEN ${retryIn === undefined} THEN clock_timestamp() END
    WHERE id = ${id}::uuid AND attempts = ${attempts} AND sent_at IS NULL`;
}

type OutboxVitals = { waiting: number; failed: number; oldestWaitingSeconds: number | null };

/** `failed` are dead letters, kept with the reason in `last_error`. */
export async function outboxVitals({ db }: QueueDeps): Promise<OutboxVitals> {
  const [vitals] = await db.$queryRaw<OutboxVitals[]>`
    SELECT count(*) FILTER (WHERE failed_at IS NULL)::int AS waiting,
      count(*) FILTER (WHERE failed_at IS NOT NULL)::int AS failed,
      extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE failed_at IS NULL))::float8
        AS "oldestWaitingSeconds"
    FROM outbox WHERE sent_at IS NULL`;
  if (!vitals) throw new Error('An aggregate returned nothing');
  return vitals;
}
