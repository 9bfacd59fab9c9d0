import { type AuditEvent, Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { type Page, pageOf } from '../platform/http/paging.js';
import type { AuditAction } from './events.js';

export type RecordedEvent = Pick<
  AuditEvent,
  'id' | 'at' | 'action' | 'userId' | 'actorId' | 'ip' | 'userAgent' | 'detail'
>;

type AuditFilter = { userId?: string | undefined; action?: AuditAction | undefined };

/** Events, newest first; `cursor` is the id of the last one already seen. */
export async function listEvents(
  db: Db,
  { userId, action }: AuditFilter,
  limit: number,
  cursor: string | undefined,
): Promise<Page<RecordedEvent>> {
  const conditions = [
    ...(userId === undefined ? [] : [Prisma.sql`user_id = ${userId}::uuid`]),
    ...(action === undefined ? [] : [Prisma.sql`action = ${action}`]),
    // A row comparison lets the index jump to the page; Prisma's cursor reads all rows before it.
    ...(cursor === undefined
      ? []
      : [Prisma.sql`(at, id) < (SELECT at, id FROM audit_event WHERE id = ${cursor}::uuid)`]),
  ];
  const found = await db.$queryRaw<RecordedEvent[]>`
    SELECT id, at, action, user_id AS "userId", actor_id AS "actorId", ip, user_agent AS "userAgent", detail
    FROM audit_event WHERE ${Prisma.join([Prisma.sql`true`, ...conditions], ' AND ')}
    ORDER BY at DESC, id DESC LIMIT ${limit + 1}`;
  return pageOf(found, limit);
}
