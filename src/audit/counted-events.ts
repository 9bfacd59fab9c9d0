import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import type { AuditAction } from './events.js';

/** What strangers can cause as often as they like: counted rather than written one by one. */
export const countedActions = ['login.failed', 'refresh.grace'] as const satisfies AuditAction[];

/** Seconds that one row counts for. */
export const countingWindow = 300;

/**
 * An INSERT like that of `auditEvent`, for what may come in floods: of what is the same in action, user, address and
 * detail there is one row for each five minutes by the database's clock. It stands at the time of the first, and its
 * detail has `count` and, of the last, `last_at`. Sealing waits until the window is over.
 */
export function countedEvent(
  action: (typeof countedActions)[number],
  userId: string | Prisma.Sql | null,
  caller: Caller,
  detail: Record<string, string> = {},
  from: Prisma.Sql = Prisma.empty,
): Prisma.Sql {
  const same = JSON.stringify([action, typeof userId === 'string' ? userId : null, caller.address, detail]);
  const user = userId instanceof Prisma.Sql ? userId : Prisma.sql`${userId}`;
  return Prisma.sql`
    INSERT INTO audit_event (id, action, user_id, ip, user_agent, detail)
    SELECT ${countedId(same)}, ${action}, ${user}::uuid, ${caller.address}, ${caller.userAgent ?? null},
      ${JSON.stringify({ ...detail, count: 1 })}::jsonb ${from}
    ON CONFLICT (id) DO UPDATE SET detail = audit_event.detail || jsonb_build_object(
      'count', (audit_event.detail->>'count')::bigint + 1,
      'last_at', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
    WHERE audit_event.position IS NULL`;
}

/** A UUIDv7 of the window's beginning whose random bits are a hash: so whoever counts the same finds the same row. */
function countedId(same: string): Prisma.Sql {
  const window = Prisma.sql`(floor(extract(epoch FROM statement_timestamp()) / ${countingWindow}::int) * ${countingWindow * 1000}::int)::bigint`;
  const hash = Prisma.sql`encode(sha256(convert_to(${same}, 'UTF8')), 'hex')`;
  return Prisma.sql`(lpad(to_hex(${window}), 12, '0') || '7' || left(${hash}, 3) || 'b' || right(${hash}, 15))::uuid`;
}
