import { v7 as uuidv7 } from 'uuid';
import { type Rights, requireRights, usersWrite } from '../admin/rights.js';
import { type Actor, auditEvent } from '../audit/events.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import { permissionsOf } from '../permissions/permissions.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { locks } from '../platform/db/locks.js';
import { enqueueRequest } from '../platform/outbox/outbox.js';
import type { Wake } from '../platform/queue/wake.js';
import { canonical, lockUser } from '../users/users.js';
import { ending, type Invitation, invitationColumns } from './invitations.js';

type InviteDeps = { db: Db; outboxWake: Wake; config: { invitationTtl: number } };

/** Who is invited, and what they get. */
type Invited = { email: string; roles: string[] };

/**
 * Invites a person by mail. An invitation to the same address takes the place of an older one.
 * @param rights what the actor's token may
 * @throws AppError email_taken; forbidden if the actor lacks what the roles give
 */
export async function invite(deps: InviteDeps, invited: Invited, actor: Actor, rights: Rights): Promise<Invitation> {
  const key = canonical(invited.email);
  const made = await deps.db.$transaction(async (tx) => {
    // Two to the same address at once would not see each other.
    await tx.$queryRaw`SELECT pg_advisory_xact_lock(${locks.invitations})::text`;
    if (actor.actorId !== undefined) await lockUser(tx, actor.actorId);
    await requireRights(tx, actor, rights, [usersWrite, ...permissionsOf('person', invited.roles)]);
    // First, because it waits for who accepts it just now: then the address is taken.
    await tx.$queryRaw`${ending(Prisma.sql`i.email_key = ${key}`, actor)}`;
    if ((await tx.user.count({ where: { emailKey: key } })) > 0) throw new AppError('email_taken');
    return insert(tx, invited, deps.config.invitationTtl, actor);
  });
  deps.outboxWake.wake();
  return made;
}

async function insert(tx: Transaction, { email, roles }: Invited, ttl: number, actor: Actor): Promise<Invitation> {
  const [id, given] = [uuidv7(), [...new Set(roles)]];
  const recorded = auditEvent('invitation.created', null, actor, { invitation_id: id, roles: given });
  const [made] = await tx.$queryRaw<Invitation[]>`
    WITH i AS (
      INSERT INTO invitation (id, email, email_key, roles, invited_by, expires_at)
      VALUES (${id}::uuid, ${email}, ${canonical(email)}, ${given}::text[], ${actor.actorId ?? null}::uuid,
        clock_timestamp() + make_interval(secs => ${ttl}))
      RETURNING *
    ), recorded AS (${recorded}), mailed AS (${enqueueRequest('invitation', email)})
    SELECT ${invitationColumns} FROM i`;
  if (!made) throw new Error('An INSERT returned nothing');
  return made;
}
