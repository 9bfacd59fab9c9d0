import { type Actor, auditEvent } from '../audit/events.js';
import { Prisma } from '../generated/prisma/client.js';
import { longestAccessTtl } from '../keys/signing-keys.js';
import { channel } from '../platform/db/channel.js';
import type { Transaction } from '../platform/db/database.js';
import { type ChangeDeps, commitChange, endEverything } from '../sessions/end.js';
import type { Revocation } from '../sessions/revocations.js';
import { markDeleted, removeSomeRows } from '../users/removal.js';
import type { User } from '../users/users.js';
import { isAdmin, lockUserForChange, needAnotherAdmin } from './last-admin.js';
import { userDeletedNotice } from './mails.js';

/** What an admin can change about a user; a missing field stays as it is. */
export type UserChange = { roles?: string[] | undefined; disabled?: boolean | undefined };

/**
 * Changes roles, the disabled state, or both in one transaction. A change of roles makes older access tokens stale;
 * sessions continue. Disabling ends the sessions; enabling does not restore them.
 * @returns null if there is no such user
 * @throws AppError last_admin
 */
export async function changeUser(
  deps: ChangeDeps,
  userId: string,
  change: UserChange,
  actor: Actor,
): Promise<User | null> {
  let changed: User | null = null;
  await commitChange(deps, async (tx) => {
    const user = await lockUserForChange(tx, userId);
    if (!user) return [];
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
  const wanted = { roles, disabledAt: disabled ? new Date() : null };
  if (isAdmin(user) && !isAdmin(wanted)) await needAnotherAdmin(tx, user);
  const stale = await changeRoles(tx, user.id, [...new Set(roles)], actor);
  const ended = await changeDisabled(tx, user, disabled, actor);
  return [...stale, ...ended];
}

/**
 * Deletes a user with all data and sessions.
 * @param check looks at the user once more, under the lock
 * @returns false if there is no such user
 * @throws AppError last_admin, and as `check`
 */
export async function deleteUser(
  deps: ChangeDeps,
  userId: string,
  actor: Actor,
  check?: (user: User) => void,
): Promise<boolean> {
  let existed = false;
  await commitChange(deps, async (tx) => {
    const user = await lockUserForChange(tx, userId);
    if (!user) return [];
    check?.(user);
    await needAnotherAdmin(tx, user);
    const { revocations } = await endEverything(tx, userId, 'user_deleted', actor);
    const isOwnAct = actor.actorId === userId;
    await tx.$executeRaw(userDeletedNotice(userId, isOwnAct ? actor.caller : undefined));
    await tx.$executeRaw(markDeleted(userId));
    await tx.$executeRaw(auditEvent('user.deleted', userId, actor));
    existed = true;
    return revocations;
  });
  // The user is deleted whatever happens here: what is left over, a job removes.
  if (existed) await removeSomeRows(deps.db, userId).catch(() => undefined);
  return existed;
}

async function changeRoles(tx: Transaction, userId: string, roles: string[], actor: Actor): Promise<Revocation[]> {
  // Sessions are not locked, so a refresh in progress may still sign the old version: keep for the longest token life.
  return tx.$queryRaw<Revocation[]>`
    WITH changed AS (
      UPDATE "user" SET roles = ${roles}, version = version + 1, updated_at = clock_timestamp()
      WHERE id = ${userId}::uuid AND NOT (roles @> ${roles} AND roles <@ ${roles})
      RETURNING id, version
    ), remembered AS (
      INSERT INTO revocation (user_id, version, keep_until)
      SELECT id, version, clock_timestamp() + make_interval(secs => ${longestAccessTtl}) FROM changed
      RETURNING user_id, version, keep_until
    ), recorded AS (
      ${auditEvent('roles.changed', Prisma.sql`id`, actor, { roles }, Prisma.sql`FROM changed`)}
    )
    SELECT user_id AS "userId", NULL AS "sessionId", version, keep_until AS "keepUntil",
      pg_notify(${channel}, concat_ws(' ', 'version', user_id, version,
        (extract(epoch FROM keep_until) * 1000)::bigint))::text
    FROM remembered`;
}

async function changeDisabled(tx: Transaction, user: User, disabled: boolean, actor: Actor): Promise<Revocation[]> {
  if (disabled !== (user.disabledAt !== null)) {
    await tx.user.update({ where: { id: user.id }, data: { disabledAt: disabled ? new Date() : null } });
    await tx.$executeRaw(auditEvent(disabled ? 'user.disabled' : 'user.enabled', user.id, actor));
  }
  return disabled ? (await endEverything(tx, user.id, 'user_disabled', actor)).revocations : [];
}
