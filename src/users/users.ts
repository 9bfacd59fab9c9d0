import { tallyEvent } from '../audit/counted-events.js';
import type { User } from '../generated/prisma/client.js';
import { type CountGuess, uncounted } from '../log-in/guesses.js';
import type { Passwords } from '../passwords/hasher.js';
import type { Caller } from '../platform/caller.js';
import type { Db } from '../platform/db/database.js';

export type { User };

/** A user whose password was just checked against this very hash. */
export type CheckedUser = { user: User; passwordHash: string };

type UsersDeps = { db: Db; passwords: Passwords };

/**
 * The canonical form under which a username or an e-mail is unique. Both are ASCII by then, so that lower case
 * can't make two different names equal (U+212A lower-cases to `k`).
 */
export function canonical(name: string): string {
  return name.toLowerCase();
}

export async function findById({ db }: Pick<UsersDeps, 'db'>, id: string): Promise<User | null> {
  return db.user.findUnique({ where: { id } });
}

/** The user of this username or e-mail, whatever its case. */
export async function findByLogin({ db }: Pick<UsersDeps, 'db'>, login: string): Promise<User | null> {
  if (!/^[\x21-\x7e]{1,254}$/.test(login)) return null;
  const key = canonical(login);
  return db.user.findUnique({ where: login.includes('@') ? { emailKey: key } : { usernameKey: key } });
}

/**
 * Checks a password. A user who does not exist costs one hash too (OWASP: no enumeration by timing), and a good
 * password whose hash is cheaper than today's cost is hashed anew. A failure is recorded, for either in the same way.
 * @param count counts the guess for the user, or for a name that is nobody's
 * @returns undefined for an unknown user and for a wrong password alike
 * @throws AppError overloaded
 */
export async function checkPassword(
  deps: UsersDeps,
  login: string,
  password: string,
  caller: Caller,
  count: CountGuess = uncounted,
): Promise<CheckedUser | undefined> {
  const user = await findByLogin(deps, login);
  const check = (compare: () => Promise<boolean>) => count(user?.id ?? canonical(login), compare);
  const checked = await checkFor(deps, user, password, caller.address, check);
  if (!checked) await recordFailedLogin(deps, user?.id ?? null, caller);
  return checked;
}

/** Records a login that was refused. @param userId null where the name is nobody's: what was typed is not kept */
export async function recordFailedLogin(
  { db }: Pick<UsersDeps, 'db'>,
  userId: string | null,
  caller: Caller,
  reason: 'credentials' | 'user_disabled' = 'credentials',
): Promise<void> {
  await db.$executeRaw(tallyEvent('login.failed', userId, caller, { reason }));
}

/** {@link checkPassword} for a user who is signed in, before something that a token alone shall not do (ASVS 7.5.1). */
export async function checkPasswordOf(
  deps: UsersDeps,
  userId: string,
  password: string,
  address: string,
): Promise<CheckedUser | undefined> {
  return checkFor(deps, await findById(deps, userId), password, address);
}

async function checkFor(
  deps: UsersDeps,
  user: User | null,
  password: string,
  address: string,
  check: (compare: () => Promise<boolean>) => Promise<boolean> = (compare) => compare(),
): Promise<CheckedUser | undefined> {
  const right = await check(() => deps.passwords.verify(user?.passwordHash, password, address));
  if (!user || !right) return undefined;
  if (!deps.passwords.isOutdated(user.passwordHash)) return { user, passwordHash: user.passwordHash };
  return { user, passwordHash: await rehash(deps, user, password, address) };
}

/** The canonical address that a link to verify would go to: the one that a user waits for, else the one they have. */
export async function addressToVerify({ db }: Pick<UsersDeps, 'db'>, userId: string): Promise<string | undefined> {
  const user = await db.user.findUnique({ where: { id: userId }, select: { emailKey: true, pendingEmailKey: true } });
  return user?.pendingEmailKey ?? user?.emailKey ?? undefined;
}

async function rehash(deps: UsersDeps, user: User, password: string, address: string): Promise<string> {
  const passwordHash = await deps.passwords.hash(password, address).catch(() => undefined);
  // Too busy for a second hash: this login is good all the same, and the next one will see to it.
  if (passwordHash === undefined) return user.passwordHash;
  const { count } = await deps.db.user.updateMany({
    where: { id: user.id, passwordHash: user.passwordHash },
    data: { passwordHash },
  });
  return count === 1 ? passwordHash : user.passwordHash;
}
