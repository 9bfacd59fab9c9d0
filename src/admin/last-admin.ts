import { AppError } from '../errors.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { locks } from '../platform/db/locks.js';
import type { User } from '../users/users.js';

/** The role that opens `/admin/…`. An admin is an enabled user who has it, and whose sign-up does not wait for its e-mail. */
export const adminRole = 'admin';

/** Waits for whoever is deciding about admins just now; held until the transaction ends. Comes before any row's lock. */
export async function lockAdmins(tx: Transaction): Promise<void> {
  await tx.$queryRaw`SELECT pg_advisory_xact_lock(${locks.admins})::text`;
}

/** Whether there is an admin, besides the user of this id if one is given. */
export async function adminExists(db: Db | Transaction, besides?: string): Promise<boolean> {
  const where = { roles: { has: adminRole }, disabledAt: null, ...(besides !== undefined && { id: { not: besides } }) };
  // Counted: for the first one alone the planner reads the users one by one, and hopes to meet an admin soon.
  return (await db.user.count({ where })) > 0;
}

/**
 * Locks a user who is about to be changed or deleted, and before that, where the user is an admin, the question who
 * is one: so of two who take the last two admins away at once, one sees what the other did.
 * @returns the user as they are under the lock; null where there is none, or a sign-up that waits for its e-mail: that
 * is nobody to give a role to, and is gone by itself
 */
export async function lockUserForChange(tx: Transaction, userId: string): Promise<User | null> {
  await tx.$queryRaw`
    SELECT pg_advisory_xact_lock(${locks.admins})::text FROM "user"
    WHERE id = ${userId}::uuid AND ${adminRole} = ANY(roles)`;
  // It also waits for logins of the user that are under way, so that what follows sees their sessions.
  await tx.$queryRaw`SELECT id FROM "user" WHERE id = ${userId}::uuid FOR NO KEY UPDATE`;
  return tx.user.findUnique({ where: { id: userId, pendingUntil: null } });
}

/**
 * To be asked under {@link lockUserForChange} before a change after which the user is no admin any more.
 * @throws AppError last_admin where nobody else is one
 */
export async function needAnotherAdmin(tx: Transaction, user: User): Promise<void> {
  if (!isAdmin(user)) return;
  // Who became an admin after the first of the two locks above is not under it. Waiting now, with the row locked,
  // could be for somebody who waits for the row.
  const [lock] = await tx.$queryRaw<{ held: boolean }[]>`SELECT pg_try_advisory_xact_lock(${locks.admins}) AS held`;
  if (!lock?.held) throw new AppError('overloaded');
  if (!(await adminExists(tx, user.id))) throw new AppError('last_admin');
}

export function isAdmin({ roles, disabledAt }: Pick<User, 'roles' | 'disabledAt'>): boolean {
  return disabledAt === null && roles.includes(adminRole);
}
