import { type Actor, auditEvent } from '../audit/events.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { dueAgain } from './deliveries.js';
import { findWebhook } from './webhooks.js';

const mostEvents = 100_000;

// A statement has two seconds.
const batchSize = 10_000;

/** @property until exclusive; events from now on come anyway @property events undefined: all that it wants */
type Replay = { since: Date; until?: Date | undefined; events?: string[] | undefined };

/**
 * Sends again, out of the audit, every event of a time that the webhook wants; pings are over.
 * @returns how many
 * @throws AppError not_found; validation_failed if there are more than 100,000: then none is sent
 */
export async function replayEvents(
  db: Db,
  id: string,
  { since, until = new Date(), events }: Replay,
  actor: Actor,
): Promise<number> {
  if (!(await findWebhook(db, id))) throw new AppError('not_found');
  const wanted = Prisma.sql`
    FROM audit_event e JOIN webhook w ON w.id = ${id}::uuid
    WHERE e.at >= ${since}::timestamptz AND e.at < ${until}::timestamptz AND e.action <> 'webhook.ping'
      AND webhook_sends(e.action, e.detail) AND webhook_wants(w.id, w.events, e.action, e.detail)
      ${events && !events.includes('*') ? Prisma.sql`AND e.action = ANY (${events}::text[])` : Prisma.empty}`;
  await refuseTooMany(db, wanted);
  const time = { since: since.toISOString(), until: until.toISOString() };
  const detail = { webhook_id: id, ...time, ...(events && { events }) };
  await db.$executeRaw(auditEvent('webhook.replayed', null, actor, detail));
  let [count, after] = [0, Prisma.empty];
  for (;;) {
    const last = await replayBatch(db, id, Prisma.sql`${wanted} ${after}`);
    count += last?.count ?? 0;
    if (!last || last.count < batchSize) return count;
    after = Prisma.sql`AND (e.at, e.id) > (${last.at}::timestamptz, ${last.id}::uuid)`;
  }
}

async function refuseTooMany(db: Db, wanted: Prisma.Sql): Promise<void> {
  const [row] = await db.$queryRaw<{ count: number }[]>`
    SELECT count(*)::int AS count FROM (SELECT ${wanted} LIMIT ${mostEvents + 1}) found`;
  if ((row?.count ?? 0) <= mostEvents) return;
  const message = `There are more than ${mostEvents} events in that time: replay a shorter one.`;
  throw new AppError('validation_failed', { errors: [{ path: 'since', message }] });
}

type Last = { id: string; at: string; count: number };

/** The time comes as text, because a Date would lose microseconds. @returns the last event of the batch, with how many it has */
async function replayBatch(db: Db, id: string, wanted: Prisma.Sql): Promise<Last | undefined> {
  const [last] = await db.$queryRaw<Last[]>`
    WITH chosen AS MATERIALIZED (SELECT e.id, e.at ${wanted} ORDER BY e.at, e.id LIMIT ${batchSize}), written AS (
      INSERT INTO webhook_delivery (webhook_id, event_id) SELECT ${id}::uuid, chosen.id FROM chosen
      ON CONFLICT (webhook_id, event_id) DO UPDATE SET ${dueAgain})
    SELECT id, at::text AS at, (SELECT count(*)::int FROM chosen) AS count FROM chosen ORDER BY chosen.at DESC, chosen.id DESC LIMIT 1`;
  return last;
}
