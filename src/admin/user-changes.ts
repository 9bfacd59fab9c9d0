import { type Actor, auditEvent } from '../audit/events.js';
import { Prisma } from '../generated/prisma/client.js';
import { longestAccessTtl } from '../keys/signing-keys.js';
import { channel } from '../platform/db/channel.js';
import type { Transaction } from '../platform/db/database.js';
import { type ChangeDeps, commitChange, endEverything } from '../sessions/end.js';
import { endApiKeysOf } from '../sessions/end-api-keys.js';
import type { Revocation } from '../sessions/revocations.js';
import { markDeleted, removeSomeRows } from '../users/removal.js';
import type { User } from '../users/users.js';
import { isAdmin, lockUserForChange, needAnotherAdmin } from './last-admin.js';
import { userDeletedNotice } from './mails.js';
import { permissionsOfUser, type Rights, requireRights, usersWrite } from './rights.js';

/** What an admin can change about a user; a missing field stays as it is. */
export type UserChange = { roles?: string[] | undefined; disabled?: boolean | undefined };

/**
 * Changes roles, the disabled state, or both in one transaction. A change of roles makes older access tokens stale;
 * sessions continue. Disabling ends the sessions; enabling does not restore them, but the API keys are good again.
 * @param rights what the actor's token may
 * @returns null if there is no such user
 * @throws AppError last_admin; forbidden if the actor lacks what the user has or would get
 */
export async function changeUser(
  deps: ChangeDeps,
  userId: string,
  change: UserChange,
  actor: Actor,
  rights: Rights,
): Promise<User | null> {
  let changed: User | null = null;
  await commitChange(deps, async (tx) => {
    const user = await lockUserForChange(tx, userId, actor.actorId);
    if (!user) return [];
    const given = permissionsOfUser({ ...user, roles: change.roles ?? [] });
    await requireRights(tx, actor, rights, [usersWrite, ...permissionsOfUser(user), ...given]);
    const felt = await applyChange(tx, user, change, actor);
    changed = await tx.user.findUnique({ where: { id: userId } });
    return felt;
  });
  return changed;
}

/**
 * {@link changeUser} inside a transaction, under {@link lockUserForChange}.
 * @returns what to remember after the commit
 */
export async function applyChange(
  tx: Transaction,
  user: User,
  { roles = user.roles, disabled = user.disabledAt !== null }: UserChange,
  actor: Actor,
): Promise<Revocation[]> {
  const wanted = { kind: user.kind, roles, disabledAt: disabled ? new Date() : null };
  if (isAdmin(user) && !isAdmin(wanted)) await needAnotherAdmin(tx, user);
  const stale = await changeRoles(tx, user.id, [...new Set(roles)], actor);
  const ended = await changeDisabled(tx, user, disabled, actor);
  return [...stale, ...ended];
}

/**
 * Deletes a user with all data, sessions and API keys.
 * @param rights what the actor's token may
 * @param check looks at the user once more, under the lock
 * @returns false if there is no such user
 * @throws AppError last_admin, forbidden if the actor lacks what the user has, and as `check`
 */
export async function deleteUser(
  deps: ChangeDeps,
  userId: string,
  actor: Actor,
  rights: Rights,
  check?: (user: User) => void,
): Promise<boolean> {
  let existed = false;
  await commitChange(deps, async (tx) => {
    const user = await lockUserForChange(tx, userId, actor.actorId);
    if (!user) return [];
    check?.(user);
    await requireRights(tx, actor, rights, [usersWrite, ...permissionsOfUser(user)]);
    await needAnotherAdmin(tx, user);
    const { revocations } = await endEverything(tx, userId, 'user_deleted', actor);
    const keys = await endApiKeysOf(tx, userId, actor);
    const isOwnAct = actor.actorId === userId;
    await tx.$executeRaw(userDeletedNotice(userId, isOwnAct ? actor.caller : undefined));
    await tx.$executeRaw(markDeleted(userId));
    await tx.$executeRaw(auditEvent('user.deleted', userId, actor));
    existed = true;
    return [...revocations, ...keys];
  });
  // The user is deleted whatever happens here: what is left over, a job removes.
  if (existed) await removeSomeRows(deps.db, userId).catch(() => undefined);
  return existed;
}

/**
 * Ends all sessions of a user, for an admin.
 * @returns false if there is no such user
 * @throws AppError forbidden if the actor lacks what the user has
 */
export async function logOutUser(deps: ChangeDeps, userId: string, actor: Actor, rights: Rights): Promise<boolean> {
  let existed = false;
  await commitChange(deps, async (tx) => {
    const user = await lockUserForChange(tx, userId, actor.actorId);
    if (!user) return [];
    await requireRights(tx, actor, rights, [usersWrite, ...permissionsOfUser(user)]);
    existed = true;
    return (await endEverything(tx, userId, 'ended_by_admin', actor)).revocations;
  });
  return existed;
}

function changeRoles(tx: Transaction, userId: string, roles: string[], actor: Actor): Promise<Revocation[]> {
  const recorded = auditEvent('roles.changed', Prisma.sql`id`, actor, { roles }, Prisma.sql`FROM changed`);
  return raiseVersion(
    tx,
    recorded,
    Prisma.sql`SET roles = ${roles}`,
    Prisma.sql`
    id = ${userId}::uuid AND NOT (roles @> ${roles} AND roles <@ ${roles})`,
  );
}

async function changeDisabled(tx: Transaction, user: User, disabled: boolean, actor: Actor): Promise<Revocation[]> {
  if (disabled === (user.disabledAt !== null)) return [];
  const isUser = Prisma.sql`id = ${user.id}::uuid`;
  if (!disabled) {
    await tx.user.update({ where: { id: user.id }, data: { disabledAt: null } });
    await tx.$executeRaw(auditEvent('user.enabled', user.id, actor));
    return [];
  }
  const recorded = auditEvent('user.disabled', user.id, actor, {}, Prisma.sql`FROM changed`);
  // The epoch ends the sessions. The version makes the memory of keys stale: keys are good again once the user is enabled,
  // and what has been listed as ended cannot come back.
  const stale = await raiseVersion(tx, recorded, Prisma.sql`SET disabled_at = clock_timestamp()`, isUser);
  return [...stale, ...(await endEverything(tx, user.id, 'user_disabled', actor)).revocations];
}

/** Changes a user and makes older access tokens stale. Nothing happens where the condition does not hold. */
async function raiseVersion(
  tx: Transaction,
  recorded: Prisma.Sql,
  set: Prisma.Sql,
  which: Prisma.Sql,
): Promise<Revocation[]> {
  // Sessions are not locked, so a refresh in progress may still sign the old version: keep for the longest token life.
  return tx.$queryRaw<Revocation[]>`
    WITH changed AS (
      UPDATE "user" ${set}, version = version + 1, updated_at = clock_timestamp() WHERE ${which} RETURNING id, version
    ), remembered AS (
      INSERT INTO revocation (user_id, version, keep_until)
      SELECT id, version, clock_timestamp() + make_interval(secs => ${longestAccessTtl}) FROM changed
      RETURNING user_id, version, keep_until
    ), recorded AS (${recorded})
    SELECT user_id AS "userId", NULL AS "sessionId", version, keep_until AS "keepUntil",
      pg_notify(${channel}, concat_ws(' ', 'version', user_id, version,
        (extract(epoch FROM keep_until) * 1000)::bigint))::text
    FROM remembered`;
}
