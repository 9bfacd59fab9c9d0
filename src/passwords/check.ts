import type { Db } from '../platform/db/database.js';
import { findById, type User } from '../users/users.js';
import type { Passwords } from './hasher.js';

/** A user whose password was just checked against this hash. */
export type CheckedUser = { user: User; passwordHash: string };

type CheckDeps = { db: Db; passwords: Passwords };

/**
 * Checks the password of a signed-in user (ASVS 7.5.1).
 * @returns undefined if it is wrong
 * @throws AppError overloaded
 */
export async function checkPasswordOf(
  deps: CheckDeps,
  userId: string,
  password: string,
  address: string,
): Promise<CheckedUser | undefined> {
  return checkPasswordFor(deps, await findById(deps, userId), password, address);
}

/**
 * An unknown user costs one hash too (OWASP: no enumeration by timing). A correct password with an outdated hash is
 * hashed again.
 * @param count runs the comparison and may count it
 * @throws AppError overloaded
 */
export async function checkPasswordFor(
  deps: CheckDeps,
  user: User | null,
  password: string,
  address: string,
  count: (compare: () => Promise<boolean>) => Promise<boolean> = (compare) => compare(),
): Promise<CheckedUser | undefined> {
  const right = await count(() => deps.passwords.verify(user?.passwordHash, password, address));
  if (!user || !right) return undefined;
  if (!deps.passwords.isOutdated(user.passwordHash)) return { user, passwordHash: user.passwordHash };
  return { user, passwordHash: await rehash(deps, user, password, address) };
}

async function rehash(deps: CheckDeps, user: User, password: string, address: string): Promise<string> {
  const passwordHash = await deps.passwords.hash(password, address).catch(() => undefined);
  // Too busy for a second hash: this login succeeds anyway, and the next one tries again.
  if (passwordHash === undefined) return user.passwordHash;
  const { count } = await deps.db.user.updateMany({
    where: { id: user.id, passwordHash: user.passwordHash },
    data: { passwordHash },
  });
  return count === 1 ? passwordHash : user.passwordHash;
}
