import { v7 as uuidv7 } from 'uuid';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';

/** What is recorded. The names are part of the wire contract (`GET /admin/audit`). */
export const auditActions = [
  'user.created',
  'login.succeeded',
  'login.failed',
  'session.ended',
  'refresh.reused',
  'refresh.grace',
  'refresh.ahead',
  'password.changed',
  'password.reset',
  'email.changed',
  'email.verified',
  'roles.changed',
  'user.disabled',
  'user.enabled',
  'user.deleted',
  'key.rotated',
  'key.revoked',
] as const;

export type AuditAction = (typeof auditActions)[number];

/** Who did it and from where: nobody and nowhere for what the server or its operator does. */
export type Actor = { actorId?: string | undefined; caller?: Caller | undefined };

/**
 * An INSERT of one event, to stand in the statement or transaction of what it records.
 * @param detail ids, numbers and words of our own only: never a name, anything typed, or a secret
 */
export function auditEvent(
  action: AuditAction,
  userId: string | Prisma.Sql | null,
  { actorId, caller }: Actor,
  detail: Record<string, unknown> | Prisma.Sql = {},
  from: Prisma.Sql = Prisma.empty,
): Prisma.Sql {
  const user = userId === null || typeof userId === 'string' ? Prisma.sql`${userId}` : userId;
  const details = detail instanceof Prisma.Sql ? detail : Prisma.sql`${JSON.stringify(detail)}`;
  return Prisma.sql`
    INSERT INTO audit_event (id, action, user_id, actor_id, ip, user_agent, detail)
    SELECT ${uuidv7()}::uuid, ${action}, ${user}::uuid, ${actorId ?? null}::uuid, ${caller?.address ?? null},
      ${caller?.userAgent ?? null}, ${details}::jsonb ${from}`;
}
