import { AppError } from '../errors.js';
import type { Db, Transaction } from '../platform/db/database.js';
import { locks } from '../platform/db/locks.js';
import { adminRole, lockedUser, type User } from '../users/users.js';

/** Waits for other decisions about admins; held until the transaction ends. Take it before any row lock. */
export async function lockAdmins(tx: Transaction): Promise<void> {
  await tx.$queryRaw`SELECT pg_advisory_xact_lock(${locks.admins})::text`;
}

/** Whether an admin exists, other than the user `besides` if it is given. */
export async function adminExists(db: Db | Transaction, besides?: string): Promise<boolean> {
  const where = {
    kind: 'person',
    roles: { has: adminRole },
    disabledAt: null,
    ...(besides !== undefined && { id: { not: besides } }),
  };
  // A count: with LIMIT 1 the planner scans users one by one, hoping to find an admin soon.
  return (await db.user.count({ where })) > 0;
}

/**
 * Locks a user before a change or deletion. For an admin, first takes the lock of all admins: of two requests that
 * remove the last two admins, the second sees what the first did.
 * @param actorId whose rights are looked at afterwards: they are locked too, so that nobody takes them away meanwhile
 * @returns the user as read under the lock; null for none, a deleted one or a pending sign-up
 */
export async function lockUserForChange(tx: Transaction, userId: string, actorId?: string): Promise<User | null> {
  await tx.$queryRaw`
    SELECT pg_advisory_xact_lock(${locks.admins})::text FROM "user"
    WHERE id = ${userId}::uuid AND ${adminRole} = ANY(roles)`;
  return lockedUser(tx, userId, actorId);
}

/** Call it under {@link lockUserForChange} before the user stops being an admin. @throws AppError last_admin */
export async function needAnotherAdmin(tx: Transaction, user: User): Promise<void> {
  if (!isAdmin(user)) return;
  // A user who became an admin after the first lock is not covered by it. Waiting now, with the row locked, could
  // deadlock.
  const [lock] = await tx.$queryRaw<{ held: boolean }[]>`SELECT pg_try_advisory_xact_lock(${locks.admins}) AS held`;
  if (!lock?.held) throw new AppError('overloaded');
  if (!(await adminExists(tx, user.id))) throw new AppError('last_admin');
}

export function isAdmin({ kind, roles, disabledAt }: Pick<User, 'kind' | 'roles' | 'disabledAt'>): boolean {
  // A machine makes nobody an admin again.
  return kind === 'person' && disabledAt === null && roles.includes(adminRole);
}
