import { Prisma } from '../../generated/prisma/client.js';
import type { Db } from '../db/database.js';

/** An item that this worker alone has, until its lease ends. `attempts` counts this one too, and tells leases apart. */
export type OutboxItem = {
  id: string;
  /** What it is for: the deliverer knows. */
  purpose: string;
  userId: string | null;
  recipient: string;
  detail: { username?: string; ip?: string | null; userAgent?: string | null };
  attempts: number;
};

type Taken = Pick<OutboxItem, 'id' | 'attempts'>;
type QueueDeps = { db: Db };

/** How long a worker has an item before others may take it, in seconds; while it sends, it extends that. */
export const leaseSeconds = 60;

/**
 * Takes items that are due, in one statement: of several workers at once each gets others. Two of one purpose to one
 * address are taken one after the other, so that the newest token is in the mail that comes last.
 */
export async function takeItems({ db }: QueueDeps, max: number): Promise<OutboxItem[]> {
  return db.$queryRaw<OutboxItem[]>`
    UPDATE outbox SET attempts = attempts + 1, due_at = clock_timestamp() + make_interval(secs => ${leaseSeconds})
    WHERE id IN (
      SELECT id FROM outbox o WHERE ${isNext} AND due_at <= clock_timestamp()
      ORDER BY due_at LIMIT ${max} FOR UPDATE SKIP LOCKED)
    RETURNING id, purpose, user_id AS "userId", recipient, detail, attempts`;
}

/** In how many seconds the next item is due; undefined where none waits. */
export async function secondsUntilDue({ db }: QueueDeps): Promise<number | undefined> {
  const [row] = await db.$queryRaw<{ seconds: number | null }[]>`
    SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8 AS seconds FROM outbox o WHERE ${isNext}`;
  return row?.seconds ?? undefined;
}

// Waiting, and not behind an older one of the same purpose to the same address.
const isNext = Prisma.sql`o.sent_at IS NULL AND o.failed_at IS NULL AND NOT EXISTS (
  SELECT FROM outbox e WHERE e.recipient = o.recipient AND e.purpose = o.purpose
    AND e.sent_at IS NULL AND e.failed_at IS NULL AND e.id < o.id)`;

/** Keeps an item that is still being sent. */
export async function extendLease({ db }: QueueDeps, { id, attempts }: Taken): Promise<void> {
  await db.$executeRaw`
    UPDATE outbox SET due_at = clock_timestamp() + make_interval(secs => ${leaseSeconds})
    WHERE id = ${id}::uuid AND attempts = ${attempts} AND sent_at IS NULL`;
}

/** It is delivered. Noted even where the lease has ended meanwhile, or it would be sent once more. */
export async function markSent({ db }: QueueDeps, { id }: Taken): Promise<void> {
  await db.$executeRaw`UPDATE outbox SET sent_at = clock_timestamp(), last_error = NULL WHERE id = ${id}::uuid`;
}

/** It has no recipient. */
export async function dropItem({ db }: QueueDeps, { id }: Taken): Promise<void> {
  await db.$executeRaw`DELETE FROM outbox WHERE id = ${id}::uuid`;
}

/** It did not go. @param retryIn seconds until the next attempt; undefined gives it up as a dead letter */
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

/** How the outbox stands, for the operator. */
export type OutboxVitals = { waiting: number; failed: number; oldestWaitingSeconds: number | null };

/** `failed` are dead letters: given up after the last attempt, and kept with the reason in `last_error`. */
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
