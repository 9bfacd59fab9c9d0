import { auditEvent } from '../audit/events.js';
import { tokenHash } from '../email/one-time-tokens.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import { firstMissing, permissionsOf } from '../permissions/permissions.js';
import type { FindInvitation } from '../sign-up/sign-up.js';
import { kindOf } from '../users/users.js';

/** The inviter's columns are null if they are gone or disabled, or the operator. */
type Found = {
  id: string;
  email: string;
  roles: string[];
  invitedBy: string | null;
  kind: string | null;
  inviterRoles: string[] | null;
  version: number | null;
};

export const findInvitation: FindInvitation = async ({ db }, token) => {
  const hash = tokenHash(token);
  const [found] = await db.direct<Found>(Prisma.sql`
    SELECT i.id, i.email, i.roles, i.invited_by AS "invitedBy", u.kind, u.roles AS "inviterRoles", u.version
    FROM invitation i LEFT JOIN "user" u ON u.id = i.invited_by AND u.disabled_at IS NULL AND u.deleted_at IS NULL
    WHERE i.hash = ${hash}::bytea AND i.expires_at > clock_timestamp()`);
  if (!found || !isBacked(found)) throw new AppError('invalid_one_time_token');
  const { id, email, roles } = found;
  return {
    email,
    roles,
    use: Prisma.sql`inviter AS (${lockedInviter(found)}), first AS (
      DELETE FROM invitation i USING inviter
      WHERE i.id = ${id}::uuid AND i.hash = ${hash}::bytea AND i.expires_at > clock_timestamp() RETURNING i.id)`,
    recorded: (actor) =>
      auditEvent('invitation.accepted', Prisma.sql`u.id`, actor, { invitation_id: id }, Prisma.sql`FROM u`),
  };
};

/** Whether the inviter could invite so now: an invitation is no stronger than who made it. The operator may all. */
function isBacked({ roles, invitedBy, kind, inviterRoles }: Found): boolean {
  if (invitedBy === null) return true;
  if (kind === null || inviterRoles === null) return false;
  const held = permissionsOf(kindOf({ kind }), inviterRoles);
  return firstMissing(held, ['users:write', ...permissionsOf('person', roles)]) === undefined;
}

/** The inviter as they were looked at. Whatever changes their rights or disables them raises their version. */
function lockedInviter({ invitedBy, version }: Found): Prisma.Sql {
  if (invitedBy === null) return Prisma.sql`SELECT`;
  return Prisma.sql`
    SELECT id FROM "user" WHERE id = ${invitedBy}::uuid AND version = ${version} AND disabled_at IS NULL
      AND deleted_at IS NULL FOR SHARE`;
}
