import type { Logger } from 'pino';
import { countedEvent } from '../audit/counted-events.js';
import { AppError } from '../errors.js';
import type { Caller } from '../platform/caller.js';
import type { Db } from '../platform/db/database.js';
import type { Limit } from '../platform/limits/limit.js';
import type { User } from '../users/users.js';
import type { Asker, Passwords } from './hasher.js';

/** A user whose password was just checked against this hash. */
export type CheckedUser = { user: User; passwordHash: string };

type CheckDeps = { db: Db; log: Logger; passwords: Passwords };

/**
 * Checks the password of a signed-in user (ASVS 7.5.1). A wrong one is recorded.
 * @throws AppError invalid_credentials, overloaded
 */
export async function checkPasswordOf(
  deps: CheckDeps,
  user: User,
  sessionId: string,
  password: string,
  caller: Caller,
): Promise<CheckedUser> {
  const checked = await checkPasswordFor(deps, user, password, caller);
  if (checked) return { user, passwordHash: await upgradeHash(deps, checked, password, caller) };
  await deps.db.$executeRaw(countedEvent('password.refused', user.id, caller, { session_id: sessionId }));
  throw new AppError('invalid_credentials');
}

/** Counts attempts under a key, such as the user's id. */
type CountedAttempts = { limit: Limit; key: string };

/**
 * An unknown user costs one hash too (OWASP: no enumeration by timing).
 * @throws AppError overloaded
 */
export async function checkPasswordFor(
  deps: CheckDeps,
  user: User | null,
  password: string,
  asker: Asker,
  attempts?: CountedAttempts,
): Promise<CheckedUser | undefined> {
  const compare = () => deps.passwords.verify(user?.passwordHash ?? undefined, password, asker);
  const right = attempts ? await limitSilently(attempts, compare) : await compare();
  if (user?.passwordHash && deps.passwords.isTooDear(user.passwordHash))
    deps.log.warn({ userId: user.id }, 'the hash of this user’s password costs too much: it needs a new password');
  if (!user?.passwordHash || !right) return undefined;
  return { user, passwordHash: user.passwordHash };
}

/**
 * An attacker who knows a user's name and e-mail must not get twice the attempts. But a refusal under one name after
 * attempts under the other would reveal that they belong together. So attempts above the user's own limit are compared
 * as usual and always fail. A right password takes no extra time, so timing reveals nothing.
 */
async function limitSilently({ limit, key }: CountedAttempts, compare: () => Promise<boolean>): Promise<boolean> {
  const point = await limit.takeNow(key);
  if (!point.allowed) return (await compare()) && false;
  try {
    const right = await compare();
    await point.settle(!right);
    return right;
  } catch (error) {
    await point.settle(false);
    throw error;
  }
}

// The client has waited for the comparison already.
const REHASH_PATIENCE_MS = 500;

/**
 * Hashes a password again that was just compared with an outdated hash. It takes time and leaves a trace: so only where
 * the answer tells that the password was right.
 * @returns the hash that is stored now
 */
export async function upgradeHash(
  deps: CheckDeps,
  { user: { id }, passwordHash: outdated }: CheckedUser,
  password: string,
  asker: Asker,
): Promise<string> {
  if (!deps.passwords.isOutdated(outdated)) return outdated;
  const passwordHash = await deps.passwords.hash(password, asker, REHASH_PATIENCE_MS).catch(() => undefined);
  // Too busy for a second hash: this login succeeds anyway, and the next one tries again.
  if (passwordHash === undefined) return outdated;
  const { count } = await deps.db.user.updateMany({
    where: { id, passwordHash: outdated },
    data: { passwordHash },
  });
  return count === 1 ? passwordHash : outdated;
}
