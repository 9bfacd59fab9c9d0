import { Prisma } from '../generated/prisma/client.js';
import { type Caller, keyOfCaller } from '../platform/caller.js';
import type { AuditAction } from './events.js';

/** Events that a stranger can cause without end: counted, not written one by one. */
export const countedActions = [
  'login.failed',
  'password.refused',
  'second_factor.failed',
  'refresh.grace',
] as const satisfies AuditAction[];

export const countingWindow = 300;

/**
 * An INSERT like `auditEvent` for floods: the same action, user, network and detail give one row per five minutes
 * (database clock), with the first address and `count` and `last_at` in its detail. It is sealed when its window is over.
 */
export function countedEvent(
  action: (typeof countedActions)[number],
  userId: string | Prisma.Sql | null,
  caller: Caller,
  detail: Record<string, string> = {},
  from: Prisma.Sql = Prisma.empty,
): Prisma.Sql {
  const same = JSON.stringify([action, typeof userId === 'string' ? userId : null, keyOfCaller(caller), detail]);
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

/** A UUIDv7 of the window's start, with a hash as its random bits, so that equal events find the same row. */
function countedId(same: string): Prisma.Sql {
  const window = Prisma.sql`(floor(extract(epoch FROM statement_timestamp()) / ${countingWindow}::int) * ${countingWindow * 1000}::int)::bigint`;
  const hash = Prisma.sql`encode(sha256(convert_to(${same}, 'UTF8')), 'hex')`;
  return Prisma.sql`(lpad(to_hex(${window}), 12, '0') || '7' || left(${hash}, 3) || 'b' || right(${hash}, 15))::uuid`;
}
