import { AppError, StartError } from '../errors.js';
import type { Passwords } from '../passwords/hasher.js';
import { checkNewPassword } from '../passwords/policy.js';
import type { Db } from '../platform/db/database.js';
import { rememberEnded } from '../sessions/end.js';
import type { Revocations } from '../sessions/revocations.js';
import { adminRole, findByLogin, kindOf, type User } from '../users/users.js';
import { createUser } from './create-user.js';
import { adminExists, lockAdmins, lockUserForChange } from './last-admin.js';
import { applyChange } from './user-changes.js';

type FirstAdmin = { username: string; password: string };

type FirstAdminDeps = {
  db: Db;
  passwords: Passwords;
  revocations: Revocations;
  config: { firstAdmin: FirstAdmin | undefined; passwords: { minLength: number } };
};

/**
 * Makes sure that there is an admin if the settings name one. Instances that start at the same time agree. An existing
 * password never changes.
 * @throws StartError if the named user has another password, is disabled, pending or a service user, or a new password is weak
 */
export async function ensureFirstAdmin(deps: FirstAdminDeps): Promise<void> {
  const { firstAdmin } = deps.config;
  if (!firstAdmin || (await adminExists(deps.db))) return;
  const user = await findByLogin(deps, firstAdmin.username);
  const done = user ? await promote(deps, user, firstAdmin) : await create(deps, firstAdmin);
  // The name was taken or its user changed between the check and the lock: check again.
  if (!done) await ensureFirstAdmin(deps);
}

async function create({ db, passwords, config }: FirstAdminDeps, { username, password }: FirstAdmin): Promise<boolean> {
  const objection = checkNewPassword(password, { username }, config.passwords);
  if (objection) throw new StartError(`ADMIN_PASSWORD is too weak for a new user. ${objection}`);
  const user = { username, passwordHash: await passwords.hash(password), roles: [adminRole] };
  try {
    await db.$transaction(async (tx) => {
      await lockAdmins(tx);
      if (!(await adminExists(tx))) await createUser({ db: tx }, user, {});
    });
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

async function promote(deps: FirstAdminDeps, user: User, { password }: FirstAdmin): Promise<boolean> {
  if (kindOf(user) === 'service')
    throw new StartError('ADMIN_USERNAME names a service user, which cannot log in. Name a person.');
  if (user.disabledAt)
    throw new StartError(
      'ADMIN_USERNAME names a disabled user. Enable them with "users enable", or name another user.',
    );
  if (user.pendingUntil)
    throw new StartError(
      'ADMIN_USERNAME names a sign-up without a confirmed e-mail. Open the mailed link, or name another user.',
    );
  if (!(await deps.passwords.verify(user.passwordHash ?? undefined, password)))
    throw new StartError(
      'ADMIN_PASSWORD is not the password of the user in ADMIN_USERNAME. An existing password is never changed: set that password, or name another user.',
    );
  const stale = await deps.db.$transaction(async (tx) => {
    await lockAdmins(tx);
    if (await adminExists(tx)) return [];
    const current = await lockUserForChange(tx, user.id);
    if (!current || current.disabledAt || current.passwordHash !== user.passwordHash) return undefined;
    return applyChange(tx, current, { roles: [...current.roles, adminRole] }, {});
  });
  if (stale) rememberEnded(deps, stale);
  return stale !== undefined;
}
