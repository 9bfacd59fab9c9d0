import type { Db, Transaction } from '../db/database.js';
import { Prisma } from '../generated/prisma/client.js';
import { longestAccessTtl } from './access-tokens.js';
import { type Actor, auditEvent } from './audit.js';
import { channel } from './feed.js';
import type { Revocation, Revocations } from './revocations.js';
import { committed, endSessions, lockUser, sessionsOf } from './session-endings.js';
import type { CheckedUser } from './users.js';

/** Changes that live tokens must feel at once. Each is one transaction, which begins by locking the user. */
type ChangeDeps = { db: Db; revocations: Revocations };

/**
 * Sets a new password and ends the user's other sessions.
 * @param checked whose current password was checked
 * @param keep the session that goes on
 * @returns false, and nothing happens, where the hash that was checked is no longer current
 */
export async function changePassword(
  deps: ChangeDeps,
  checked: CheckedUser,
  passwordHash: string,
  keep: string,
  actor: Actor,
): Promise<boolean> {
  const { id } = checked.user;
  let current = false;
  await changing(deps, async (tx) => {
    const { count } = await tx.user.updateMany({
      where: { id, passwordHash: checked.passwordHash, disabledAt: null },
      data: { passwordHash },
    });
    current = count === 1;
    if (!current) return [];
    await tx.$executeRaw(auditEvent('password.changed', id, actor));
    return endSessions(tx, sessionsOf(id, keep), 'password_changed', actor);
  });
  return current;
}

/** Disables a user, which ends their sessions. */
export async function disableUser(deps: ChangeDeps, userId: string, actor: Actor): Promise<void> {
  await changing(deps, async (tx) => {
    const { count } = await tx.user.updateMany({
      where: { id: userId, disabledAt: null },
      data: { disabledAt: new Date() },
    });
    if (count === 1) await tx.$executeRaw(auditEvent('user.disabled', userId, actor));
    return endSessions(tx, sessionsOf(userId), 'user_disabled', actor);
  });
}

/** Lets a disabled user log in again; the sessions that ended stay ended. */
export async function enableUser({ db }: Pick<ChangeDeps, 'db'>, userId: string, actor: Actor): Promise<void> {
  await db.$transaction(async (tx) => {
    const { count } = await tx.user.updateMany({
      where: { id: userId, NOT: { disabledAt: null } },
      data: { disabledAt: null },
    });
    if (count === 1) await tx.$executeRaw(auditEvent('user.enabled', userId, actor));
  });
}

/**
 * Sets the roles. Older access tokens are stale from now on; sessions go on, and a refresh gives a token with the new.
 */
export async function setRoles(deps: ChangeDeps, userId: string, roles: string[], actor: Actor): Promise<void> {
  await changing(deps, async (tx) => {
    // Without a lock on sessions a refresh under way may still sign the old version, so the longest life counts.
    return tx.$queryRaw<Revocation[]>`
      WITH changed AS (
        UPDATE "user" SET roles = ${roles}, version = version + 1, updated_at = clock_timestamp()
        WHERE id = ${userId}::uuid AND roles IS DISTINCT FROM ${roles}
        RETURNING id, version
      ), remembered AS (
        INSERT INTO revocation (user_id, version, keep_until)
        SELECT id, version, clock_timestamp() + make_interval(secs => ${longestAccessTtl}) FROM changed
        RETURNING user_id, version, keep_until
      ), recorded AS (
        ${auditEvent('roles.changed', Prisma.sql`id`, actor, { roles }, Prisma.sql`FROM changed`)}
      )
      SELECT user_id AS "userId", NULL AS "sessionId", version, keep_until AS "keepUntil",
        pg_notify(${channel}, concat_ws(' ', 'user', user_id))::text FROM remembered`;
  });
}

/** Deletes a user with all that is theirs, and ends their sessions. @returns false where there is no such user */
export async function deleteUser(deps: ChangeDeps, userId: string, actor: Actor): Promise<boolean> {
  let existed = false;
  await changing(deps, async (tx) => {
    await lockUser(tx, userId);
    const ended = await endSessions(tx, sessionsOf(userId), 'user_deleted', actor);
    const { count } = await tx.user.deleteMany({ where: { id: userId } });
    existed = count === 1;
    if (existed) await tx.$executeRaw(auditEvent('user.deleted', userId, actor));
    return ended;
  });
  return existed;
}

async function changing(deps: ChangeDeps, change: (tx: Transaction) => Promise<Revocation[]>): Promise<void> {
  committed(deps, await deps.db.$transaction(change));
}
