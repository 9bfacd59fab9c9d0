import { Strategy as LocalStrategy } from 'passport-local';
import type { Deps } from '../deps.js';
import type { Guard } from '../endpoint.js';
import { AppError } from '../errors.js';
import type { CheckedUser } from '../passwords/check.js';
import { callerOf } from '../platform/http/caller.js';
import { authenticateBy } from '../platform/http/passport.js';
import { checkPassword } from './check-password.js';
import { attemptCounter } from './limits.js';

/** Requires a correct username and password in the body (passport-local). */
export const password: Guard<CheckedUser> = {
  name: 'password',
  refusals: ['invalid_credentials'],
  schemes: () => ({}),
  bodyFirst: true,
  step(deps) {
    const authenticate = authenticateBy('local', localStrategy(deps));
    return (req, res, admit, next) =>
      authenticate((error, checked) => {
        if (error) return next(error);
        if (!checked) return next(new AppError('invalid_credentials'));
        admit(checked as CheckedUser);
      })(req, res, next);
  },
};

function localStrategy(deps: Deps): LocalStrategy {
  return new LocalStrategy({ session: false, passReqToCallback: true }, (req, username, password, done) => {
    // Passport gets no promise: a rejected one would leave the request without an answer.
    checkPassword(deps, username, password, callerOf(req), attemptCounter(deps, req)).then(
      (checked) => done(null, checked ?? false),
      done,
    );
  });
}
