import type { RequestHandler } from 'express';
import { AppError } from '../../errors.js';
import type { AccessClaims } from '../../sessions/access-tokens.js';

/** Lets through whose access token, which the guard before it found live, holds the role (ASVS 8.2.1, 8.3.2). */
export function needRole(role: string): RequestHandler {
  return (req, _res, next) => {
    const { roles } = req.user as AccessClaims;
    if (!roles.includes(role)) throw new AppError('forbidden');
    next();
  };
}
