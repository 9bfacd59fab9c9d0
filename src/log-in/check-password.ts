import { countedEvent } from '../audit/counted-events.js';
import { type CheckedUser, checkPasswordFor } from '../passwords/check.js';
import type { Passwords } from '../passwords/hasher.js';
import type { Caller } from '../platform/caller.js';
import type { Db } from '../platform/db/database.js';
import { canonical, findByLogin } from '../users/users.js';
import { type CountAttempt, uncounted } from './silent-limit.js';

type CheckDeps = { db: Db; passwords: Passwords };

/**
 * Checks the password of a login; a wrong password and an unknown user look the same and are recorded alike.
 * @param count counts the attempt for the user, or for the typed name
 * @throws AppError overloaded
 */
export async function checkPassword(
  deps: CheckDeps,
  login: string,
  password: string,
  caller: Caller,
  count: CountAttempt = uncounted,
): Promise<CheckedUser | undefined> {
  const user = await findByLogin(deps, login);
  const countIt = (compare: () => Promise<boolean>) => count(user?.id ?? canonical(login), compare);
  const checked = await checkPasswordFor(deps, user, password, caller.address, countIt);
  if (!checked) await recordFailedLogin(deps, user?.id ?? null, caller);
  return checked;
}

/** Records a refused login. @param userId null for an unknown user: the typed name is not stored */
export async function recordFailedLogin(
  { db }: Pick<CheckDeps, 'db'>,
  userId: string | null,
  caller: Caller,
  reason: 'credentials' | 'user_disabled' = 'credentials',
): Promise<void> {
  await db.$executeRaw(countedEvent('login.failed', userId, caller, { reason }));
}
