import type { Guard } from '../endpoint.js';
import { AppError } from '../errors.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import type { accessTokenGuard } from '../sessions/guard.js';
import { hasVerifiedEmail } from './addresses.js';

/** The token does not say whether the address is verified, because that can change: one statement per request. */
export const verifiedEmailGuard = (accessToken: ReturnType<typeof accessTokenGuard>): Guard<AccessClaims> => ({
  ...accessToken,
  name: 'verified-email',
  refusals: [...accessToken.refusals, 'email_unverified'],
  note: 'Needs a verified e-mail address.',
  step(deps) {
    const checkToken = accessToken.step(deps);
    return (req, res, admit, next) =>
      checkToken(
        req,
        res,
        (claims) => {
          hasVerifiedEmail(deps, claims.sub).then(
            (isVerified) => (isVerified ? admit(claims) : next(new AppError('email_unverified'))),
            next,
          );
        },
        next,
      );
  },
});
