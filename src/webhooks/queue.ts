import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { leaseSeconds } from '../platform/queue/lease.js';
import { byDue, isWaiting } from './deliveries.js';
import type { Outcome } from './outcome.js';
import { fewOfOne, hinders, isSlow, leftOf, leftOfHindering, restsUntil, type UnderWay } from './places.js';

/** A delivery leased to this worker alone. `attempts` includes this one and identifies the lease. */
export type DueDelivery = {
  webhookId: string;
  eventId: string;
  attempts: number;
  /** Null for the handlers in code. */
  url: string | null;
  sealedSecret: Uint8Array | null;
  /** The secret before, while it signs along. */
  sealedPrevious: Uint8Array | null;
  /** Null once the event has been purged from the audit, as are the columns below. */
  action: string | null;
  at: Date;
  userId: string | null;
  actorId: string | null;
  detail: Record<string, unknown>;
  /** Of the API key that the event is about. */
  keyName: string | null;
};

type Leased = Pick<DueDelivery, 'webhookId' | 'eventId' | 'attempts'>;
type QueueDeps = { db: Db };

const isThis = ({ webhookId, eventId }: Leased) =>
  Prisma.sql`webhook_id = ${webhookId}::uuid AND event_id = ${eventId}::uuid`;

/**
 * Workers at the same time get different deliveries. Webhooks that fail or are slow take turns, whatever waits: or one that
 * is back would wait for all that is older, of others that are not.
 * @param handled the events that the handlers of this instance's code take: an older or newer instance has others
 */
export async function takeDeliveries(
  { db }: QueueDeps,
  max: number,
  underWay: UnderWay,
  handled: string[],
): Promise<DueDelivery[]> {
  return db.direct<DueDelivery>(Prisma.sql`
    WITH free AS MATERIALIZED (
      SELECT w.id, w.url, ${hinders} AS hinders, ${leftOf(underWay)} AS n,
        CASE WHEN ${hinders} THEN coalesce(w.last_attempt_at, w.failing_since) END AS tried
      FROM webhook w WHERE w.disabled_at IS NULL AND (w.failing_since IS NULL OR ${restsUntil} <= clock_timestamp())
    ), ranked AS (
      SELECT d.*, w.hinders, row_number() OVER (PARTITION BY w.hinders ORDER BY w.tried, d.due_at) AS place
      FROM free w CROSS JOIN LATERAL (
        SELECT o.*, row_number() OVER (ORDER BY o.due_at) AS nth FROM (
          SELECT d.webhook_id, d.event_id, d.due_at FROM webhook_delivery d
          WHERE d.webhook_id = w.id AND ${isWaiting} AND d.due_at <= now() AND ${isHandled(handled)}
          ORDER BY ${byDue} LIMIT ${fewOfOne} FOR UPDATE SKIP LOCKED) o) d
      WHERE w.n > 0 AND d.nth <= w.n
    ), due AS MATERIALIZED (
      SELECT webhook_id, event_id FROM ranked WHERE NOT hinders OR place <= ${leftOfHindering(underWay)}
      ORDER BY due_at LIMIT ${max}
    ), taken AS (
      UPDATE webhook_delivery d
      SET attempts = attempts + 1, due_at = clock_timestamp() + make_interval(secs => ${leaseSeconds}::int)
      FROM due WHERE d.webhook_id = due.webhook_id AND d.event_id = due.event_id
      RETURNING d.webhook_id, d.event_id, d.attempts)
    SELECT t.webhook_id AS "webhookId", t.event_id AS "eventId", t.attempts, w.url, w.sealed_secret AS "sealedSecret",
      CASE WHEN w.previous_until > now() THEN w.sealed_previous END AS "sealedPrevious", e.action, e.at,
      e.user_id AS "userId", e.actor_id AS "actorId", e.detail, nullif(k.name, '') AS "keyName"
    FROM taken t JOIN webhook w ON w.id = t.webhook_id LEFT JOIN audit_event e ON e.id = t.event_id
      LEFT JOIN api_key k ON e.action LIKE 'api\_key.%' AND k.id::text = e.detail->>'api_key_id'`);
}

/** An event that has been purged is taken too, to be given up. */
function isHandled(handled: string[]): Prisma.Sql {
  return Prisma.sql`(w.url IS NOT NULL OR coalesce(
    (SELECT e.action = ANY (${handled}::text[]) FROM audit_event e WHERE e.id = d.event_id), ${handled.length > 0}))`;
}

/** @property seconds null if nothing waits that could be taken here */
type NextDue = { webhooks: number; seconds: number | null };

/** Those that have as many under way as they may are left out: the end of one wakes the worker. */
export async function nextDue({ db }: QueueDeps, underWay: UnderWay, handled: string[]): Promise<NextDue> {
  const [next] = await db.direct<NextDue>(Prisma.sql`
    SELECT count(*)::int AS webhooks,
      extract(epoch FROM min(greatest(d.due_at, ${restsUntil})) - clock_timestamp())::float8 AS seconds
    FROM webhook w LEFT JOIN LATERAL (
      SELECT d.due_at FROM webhook_delivery d
      WHERE d.webhook_id = w.id AND ${isWaiting} AND w.disabled_at IS NULL AND ${leftOf(underWay)} > 0
        AND (NOT ${hinders} OR ${leftOfHindering(underWay)} > 0) AND ${isHandled(handled)}
      ORDER BY ${byDue} LIMIT 1) d ON true`);
  if (!next) throw new Error('An aggregate returned nothing');
  return next;
}

export async function extendLease({ db }: QueueDeps, leased: Leased): Promise<void> {
  await db.$executeRaw`
    UPDATE webhook_delivery SET due_at = clock_timestamp() + make_interval(secs => ${leaseSeconds}::int)
    WHERE ${isThis(leased)} AND attempts = ${leased.attempts} AND delivered_at IS NULL AND failed_at IS NULL`;
}

/** Cut by our own end: it was no attempt, and any instance may take it at once. */
export async function putBack({ db }: QueueDeps, leased: Leased): Promise<void> {
  await db.$executeRaw`
    UPDATE webhook_delivery SET attempts = attempts - 1, due_at = clock_timestamp()
    WHERE ${isThis(leased)} AND attempts = ${leased.attempts} AND delivered_at IS NULL AND failed_at IS NULL`;
}

type Attempt = Leased & { status: number | null; durationMs: number };

const lastIs = ({ status }: Attempt) => Prisma.sql`last_attempt_at = clock_timestamp(), last_status = ${status}::int`;
const ofDelivery = (attempt: Attempt) => Prisma.sql`${lastIs(attempt)}, duration_ms = ${attempt.durationMs}::int`;
const ofWebhook = (attempt: Attempt) => Prisma.sql`${lastIs(attempt)}, last_duration_ms = ${attempt.durationMs}::int`;

/** Also after the lease has ended, or it would be sent again. */
export async function markDelivered({ db }: QueueDeps, attempt: Attempt): Promise<void> {
  await db.$executeRaw`
    WITH marked AS (
      UPDATE webhook_delivery SET ${ofDelivery(attempt)}, last_error = NULL, delivered_at = clock_timestamp(),
        failed_at = NULL WHERE ${isThis(attempt)})
    UPDATE webhook SET failing_since = NULL, ${ofWebhook(attempt)}
    WHERE id = ${attempt.webhookId}::uuid AND (failing_since IS NOT NULL OR ${isNews(attempt)})`;
}

/**
 * @param retryIn seconds until the next attempt; undefined gives it up
 * @returns how many days the webhook has been failing; undefined if that is not known
 */
export async function markFailed(
  { db }: QueueDeps,
  attempt: Attempt,
  why: Outcome['why'],
  retryIn: number | undefined,
): Promise<number | undefined> {
  const [failing] = await db.direct<{ days: number }>(Prisma.sql`
    WITH marked AS (
      UPDATE webhook_delivery SET ${ofDelivery(attempt)}, last_error = ${why},
        due_at = clock_timestamp() + make_interval(secs => ${retryIn ?? 0}::float8),
        failed_at = CASE WHEN ${retryIn === undefined} THEN clock_timestamp() END
      WHERE ${isThis(attempt)} AND attempts = ${attempt.attempts} AND delivered_at IS NULL)
    UPDATE webhook SET ${ofWebhook(attempt)}, failing_since = coalesce(failing_since, clock_timestamp())
    WHERE id = ${attempt.webhookId}::uuid AND (failing_since IS NULL OR ${isNews(attempt)})
    RETURNING extract(epoch FROM clock_timestamp() - failing_since)::float8 / 86400 AS days`);
  return failing?.days;
}

// Each login reads the webhooks: they are written once a second at most.
const isNews = ({ status, durationMs }: Attempt) => Prisma.sql`(last_attempt_at IS NULL
  OR last_attempt_at < clock_timestamp() - interval '1 second' OR last_status IS DISTINCT FROM ${status}::int
  OR ${isSlow(Prisma.sql`last_duration_ms`)} <> ${isSlow(durationMs)})`;
