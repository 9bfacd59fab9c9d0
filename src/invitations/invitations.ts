import { type Actor, auditEvent } from '../audit/events.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import { type Page, pageOf } from '../platform/http/paging.js';

/** @property invitedBy null: the operator */
export type Invitation = {
  id: string;
  email: string;
  roles: string[];
  invitedBy: string | null;
  createdAt: Date;
  expiresAt: Date;
};

/** The columns of an {@link Invitation} in the row `i`. */
export const invitationColumns = Prisma.sql`i.id, i.email, i.roles, i.invited_by AS "invitedBy",
  i.created_at AS "createdAt", i.expires_at AS "expiresAt"`;

/** Whether the invitation `i` waits to be accepted. With its inviter it ends. */
export const isWaiting = Prisma.sql`i.expires_at > clock_timestamp() AND NOT EXISTS (
  SELECT FROM "user" u WHERE u.id = i.invited_by AND u.deleted_at IS NOT NULL)`;

/** Those that wait, the oldest first. @param cursor the last id already seen */
export async function listInvitations(
  { db }: { db: Db },
  limit: number,
  cursor: string | undefined,
): Promise<Page<Invitation>> {
  const after = cursor === undefined ? Prisma.empty : Prisma.sql`AND i.id > ${cursor}::uuid`;
  const found = await db.$queryRaw<Invitation[]>`
    SELECT ${invitationColumns} FROM invitation i WHERE ${isWaiting} ${after} ORDER BY i.id LIMIT ${limit + 1}`;
  return pageOf(found, limit);
}

/** @returns false if none with this id waits */
export async function endInvitation({ db }: { db: Db }, id: string, actor: Actor): Promise<boolean> {
  const ended = await db.$queryRaw<unknown[]>`${ending(Prisma.sql`i.id = ${id}::uuid AND ${isWaiting}`, actor)}`;
  return ended.length > 0;
}

/** Ends the invitations `i` that match the condition; the audit has each. */
export function ending(which: Prisma.Sql, actor: Actor): Prisma.Sql {
  const detail = Prisma.sql`jsonb_build_object('invitation_id', ended.id)`;
  const recorded = auditEvent('invitation.ended', null, actor, detail, Prisma.sql`FROM ended`);
  return Prisma.sql`
    WITH ended AS (DELETE FROM invitation i WHERE ${which} RETURNING i.id), recorded AS (${recorded})
    SELECT id FROM ended`;
}
