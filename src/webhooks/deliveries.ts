import { type Actor, auditEvent } from '../audit/events.js';
import { Prisma, type WebhookDelivery as Row } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { type Page, pageOf } from '../platform/http/paging.js';

export const deliveryStates = ['waiting', 'delivered', 'failed'] as const;

type DeliveryState = (typeof deliveryStates)[number];

/** @property id the event's @property type null once the event has been purged from the audit */
export type Delivery = { id: string; type: string | null } & Pick<
  Row,
  | 'attempts'
  | 'dueAt'
  | 'deliveredAt'
  | 'failedAt'
  | 'createdAt'
  | 'lastAttemptAt'
  | 'lastStatus'
  | 'lastError'
  | 'durationMs'
>;

/** Of the delivery `d`. */
export const isWaiting = Prisma.sql`d.delivered_at IS NULL AND d.failed_at IS NULL`;

/** What waits, by when it is due: the whole index, or it would not give the order. */
export const byDue = Prisma.sql`d.delivered_at, d.failed_at, d.due_at`;

const inState: Record<DeliveryState, Prisma.Sql> = {
  waiting: isWaiting,
  delivered: Prisma.sql`d.delivered_at IS NOT NULL`,
  failed: Prisma.sql`d.delivered_at IS NULL AND d.failed_at IS NOT NULL`,
};

type Filter = { state?: DeliveryState | undefined; limit: number; cursor?: string | undefined };

/** Of the newest event first: ids of events begin with their time. @param cursor the last event's id already seen */
export async function listDeliveries(
  db: Db,
  webhookId: string,
  { state, limit, cursor }: Filter,
): Promise<Page<Delivery>> {
  const conditions = [
    Prisma.sql`d.webhook_id = ${webhookId}::uuid`,
    ...(state === undefined ? [] : [inState[state]]),
    ...(cursor === undefined ? [] : [Prisma.sql`d.event_id < ${cursor}::uuid`]),
  ];
  const found = await db.$queryRaw<Delivery[]>`
    SELECT d.event_id AS id, e.action AS type, d.attempts, d.due_at AS "dueAt", d.delivered_at AS "deliveredAt",
      d.failed_at AS "failedAt", d.created_at AS "createdAt", d.last_attempt_at AS "lastAttemptAt",
      d.last_status AS "lastStatus", d.last_error AS "lastError", d.duration_ms AS "durationMs"
    FROM webhook_delivery d LEFT JOIN audit_event e ON e.id = d.event_id
    WHERE ${Prisma.join(conditions, ' AND ')} ORDER BY d.event_id DESC LIMIT ${limit + 1}`;
  return pageOf(found, limit);
}

export function stateOf({ deliveredAt, failedAt }: Pick<Delivery, 'deliveredAt' | 'failedAt'>): DeliveryState {
  if (deliveredAt) return 'delivered';
  return failedAt ? 'failed' : 'waiting';
}

/** What a delivery is set to so that it is sent (again), with all of its attempts. */
export const dueAgain = Prisma.sql`attempts = 0, due_at = clock_timestamp(), created_at = clock_timestamp(),
  delivered_at = NULL, failed_at = NULL`;

/** Sends an event again, whatever became of it. @returns false if there is no such delivery */
export async function retryDelivery(db: Db, webhookId: string, eventId: string, actor: Actor): Promise<boolean> {
  const detail = { webhook_id: webhookId, event_id: eventId };
  const count = await db.$executeRaw`
    WITH again AS (
      UPDATE webhook_delivery SET ${dueAgain} WHERE webhook_id = ${webhookId}::uuid AND event_id = ${eventId}::uuid
        AND EXISTS (SELECT FROM webhook w WHERE w.id = webhook_id)
      RETURNING webhook_id
    ) ${auditEvent('webhook.retried', null, actor, detail, Prisma.sql`FROM again`)}`;
  return count === 1;
}
