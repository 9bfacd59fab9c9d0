import { Prisma, type Webhook as Row } from '../generated/prisma/client.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { type Page, pageOf } from '../platform/http/paging.js';

/** The row that stands for the handlers of own/events.ts. */
export const ownWebhookId = '00000000-0000-7000-8000-000000000001';

export const disabledReasons = ['manual', 'gone', 'failing'] as const;

export type DisabledReason = (typeof disabledReasons)[number];

/** A webhook as it is shown: never its secret. */
export type ShownWebhook = Pick<
  Row,
  'id' | 'url' | 'events' | 'description' | 'disabledAt' | 'createdBy' | 'createdAt' | 'updatedAt' | 'lastAttemptAt'
> & { disabledReason: string | null; lastStatus: number | null; waiting: number; failed: number };

/** As far as the deliveries of one are counted: a statement has two seconds. */
export const countedUpTo = 10_000;

const countOf = (which: Prisma.Sql) => Prisma.sql`(SELECT count(*)::int FROM (
  SELECT FROM webhook_delivery d WHERE d.webhook_id = w.id AND d.delivered_at IS NULL AND ${which} LIMIT ${countedUpTo}) counted)`;

/** The columns of a {@link ShownWebhook} in the row `w`. */
const shownColumns = Prisma.sql`w.id, w.url, w.events, w.description, w.disabled_at AS "disabledAt",
  w.disabled_reason AS "disabledReason", w.created_by AS "createdBy", w.created_at AS "createdAt",
  w.updated_at AS "updatedAt", w.last_attempt_at AS "lastAttemptAt", w.last_status AS "lastStatus",
  ${countOf(Prisma.sql`d.failed_at IS NULL`)} AS waiting, ${countOf(Prisma.sql`d.failed_at IS NOT NULL`)} AS failed`;

/** The oldest first. @param cursor the last id already seen */
export async function listWebhooks(db: Db, limit: number, cursor: string | undefined): Promise<Page<ShownWebhook>> {
  const after = cursor === undefined ? Prisma.sql`true` : Prisma.sql`w.id > ${cursor}::uuid`;
  const found = await db.$queryRaw<ShownWebhook[]>`
    SELECT ${shownColumns} FROM webhook w WHERE ${after} ORDER BY w.id LIMIT ${limit + 1}`;
  return pageOf(found, limit);
}

export async function findWebhook(db: Db | Transaction, id: string): Promise<ShownWebhook | undefined> {
  const [found] = await db.$queryRaw<ShownWebhook[]>`SELECT ${shownColumns} FROM webhook w WHERE w.id = ${id}::uuid`;
  return found;
}
