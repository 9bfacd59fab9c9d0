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

const pageSize = 200;

/** All events about a user or by them, oldest first, page by page. */
export async function* eventsWith(db: Db, userId: string): AsyncGenerator<RecordedEvent[]> {
  // Each column by its own index: as one condition with OR, they would read all events of everybody.
  const next = (column: Prisma.Sql, after: Prisma.Sql) => Prisma.sql`
    (SELECT * FROM audit_event WHERE ${column} = ${userId}::uuid AND ${after} ORDER BY at, id LIMIT ${pageSize})`;
  for (let after = Prisma.sql`true`; ; ) {
    const events = await db.direct<RecordedEvent & { exactly: string }>(Prisma.sql`
      SELECT DISTINCT ON (at, id) id, at, at::text AS exactly, action, user_id AS "userId", actor_id AS "actorId", ip,
        user_agent AS "userAgent", detail
      FROM (${next(Prisma.sql`user_id`, after)} UNION ALL ${next(Prisma.sql`actor_id`, after)}) AS event
      ORDER BY at, id LIMIT ${pageSize}`);
    yield events;
    const last = events.at(-1);
    if (!last || events.length < pageSize) return;
    // The time as text, because a Date would lose microseconds; not the row, which may have been purged meanwhile.
    after = Prisma.sql`(at, id) > (${last.exactly}::timestamptz, ${last.id}::uuid)`;
  }
}
