import type { RequestHandler } from 'express';
import type { Deps } from '../deps.js';
import { AppError } from '../errors.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { hasVerifiedEmail } from './addresses.js';

/** For rows with `verifiedEmail`: the token does not say it, because an address can be changed while it is good. */
export function requireVerifiedEmail(deps: Pick<Deps, 'db'>): RequestHandler {
  return async (req, _res, next) => {
    const { sub } = req.user as AccessClaims;
    if (!(await hasVerifiedEmail(deps, sub))) throw new AppError('email_unverified');
    next();
  };
}
