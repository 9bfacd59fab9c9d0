import type { Deps } from '../deps.js';
import { AppError } from '../errors.js';
import type { LogInAsked } from '../hooks/hooks.js';
import type { Caller } from '../platform/caller.js';
import { plainUser, type ReadUser } from '../users/plain-user.js';
import type { User } from '../users/users.js';
import { recordFailedLogin } from './guard.js';

/** What the hook is told besides user and caller. */
export type HowAsked = Pick<LogInAsked, 'by' | 'provider' | 'captchaToken'>;

/**
 * Asks own/hooks.ts about somebody who has just proven who they are. A refusal is recorded.
 * @throws AppError login_refused @throws Error if the hook fails
 */
export async function askBeforeLogIn(
  deps: Pick<Deps, 'hooks' | 'db' | 'config'>,
  user: ReadUser & Pick<User, 'epoch'>,
  how: HowAsked,
  caller: Caller,
): Promise<void> {
  try {
    await deps.hooks.beforeLogIn({ ...how, user: plainUser(user), caller });
  } catch (error) {
    if (error instanceof AppError) await recordFailedLogin(deps, user, caller, 'refused');
    throw error;
  }
}
