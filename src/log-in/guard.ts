import { Strategy as LocalStrategy } from 'passport-local';
import type { Logger } from 'pino';
import { countedEvent } from '../audit/counted-events.js';
import type { Config } from '../config.js';
import type { Deps } from '../deps.js';
import type { Guard } from '../endpoint.js';
import { AppError } from '../errors.js';
import { type CheckedUser, checkPasswordFor } from '../passwords/check.js';
import type { Passwords } from '../passwords/hasher.js';
import type { Caller } from '../platform/caller.js';
import type { Db } from '../platform/db/database.js';
import { callerOf } from '../platform/http/caller.js';
import { passportWith } from '../platform/http/passport.js';
import type { Limit } from '../platform/limits/limit.js';
import { pretendToCheckCode } from '../second-factor/check-code.js';
import { recordLikeWrongCode } from '../second-factor/wrong-codes.js';
import { canonical, findByLogin, type User } from '../users/users.js';

/** Requires a correct username and password in the body (passport-local). */
export const password: Guard<CheckedUser> = {
  name: 'password',
  refusals: ['invalid_credentials', 'login_refused'],
  schemes: () => ({}),
  bodyFirst: true,
  step(deps) {
    const passport = passportWith('local', localStrategy(deps));
    return (req, res, admit, next) => {
      const report = (error: unknown, checked: unknown) => {
        if (error) return next(error);
        if (!checked) return next(new AppError('invalid_credentials'));
        admit(checked as CheckedUser);
      };
      passport.authenticate('local', { session: false }, report)(req, res, next);
    };
  },
};

function localStrategy(deps: Deps): LocalStrategy {
  return new LocalStrategy({ session: false, passReqToCallback: true }, (req, username, password, done) => {
    // The row's limit counts the attempts of a known device.
    const limit = req.res?.locals.isKnownDevice ? undefined : deps.limits?.login_user;
    const caller = callerOf(req);
    const { captcha_token: captchaToken } = req.body;
    // Passport gets no promise: a rejected one would leave the request without an answer.
    deps.hooks
      .beforePasswordCheck({ login: username, captchaToken, caller })
      .then(() => checkPassword(deps, username, password, caller, limit))
      .then(async (checked) => {
        const code = codeAlong(deps.config, req.body);
        if (!checked && code !== undefined) await pretendToCheckCode(deps, code);
        return checked;
      })
      .then((checked) => done(null, checked ?? false), done);
  });
}

/** The code that a login is to be checked with at once; where everything is asked for at once, a missing one is wrong. */
export function codeAlong(
  { secondFactorPrompt }: Pick<Config, 'secondFactorPrompt'>,
  { code }: { code?: string | undefined },
): string | undefined {
  return secondFactorPrompt === 'with-password' ? (code ?? '') : code;
}

type CheckDeps = { db: Db; log: Logger; passwords: Passwords; config: Pick<Config, 'secondFactorPrompt'> };

/**
 * Checks the password of a login; a wrong password and an unknown user look the same and are recorded alike.
 * @param limit counts the attempt for the user, or for the typed name
 * @throws AppError overloaded
 */
export async function checkPassword(
  deps: CheckDeps,
  login: string,
  password: string,
  caller: Caller,
  limit?: Limit,
): Promise<CheckedUser | undefined> {
  // A crowd that cannot be served is refused before its users are read.
  const asker = deps.passwords.announce(caller);
  try {
    const user = await findByLogin(deps, login);
    // A typed name may look like an id: it must not count for the user who has that.
    const attempts = limit && { limit, key: user?.id ?? `name ${canonical(login)}` };
    const checked = await checkPasswordFor(deps, user, password, asker, attempts);
    if (!checked) await recordFailedLogin(deps, user, caller);
    return checked;
  } finally {
    asker.arrive?.();
  }
}

/** Records a refused login. @param user null for an unknown one: the typed name is not stored */
export async function recordFailedLogin(
  { db, config }: Pick<CheckDeps, 'db' | 'config'>,
  user: Pick<User, 'id' | 'epoch'> | null,
  caller: Caller,
  reason: 'credentials' | 'user_disabled' | 'refused' = 'credentials',
): Promise<void> {
  const event = countedEvent('login.failed', user?.id ?? null, caller, { reason });
  if (config.secondFactorPrompt === 'with-password') await recordLikeWrongCode({ db }, event, caller, user);
  else await db.$executeRaw(event);
}
