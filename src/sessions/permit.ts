import type { RequestHandler } from 'express';
import { AppError } from '../errors.js';
import type { AccessClaims } from './access-tokens.js';

type AskingRow = {
  guard: { hasClaims?: true; optional?: true };
  role?: string;
  permission?: string;
  anyToken?: true;
  acr?: string;
  maxAge?: number;
};

/**
 * What a row asks of the token itself: whether keys may use it, a role, a permission (ASVS 8.2.1, 8.3.2). A row that says
 * nothing is for sessions alone, so a new row is closed to keys. So is one that asks how its user signed in.
 * @returns the step that checks it, or none
 */
export function permitOf({ guard, role, permission, anyToken, acr, maxAge }: AskingRow): RequestHandler[] {
  if (!guard.hasClaims || guard.optional) return [];
  const asksForSignIn = (acr ?? 'aal1') !== 'aal1' || maxAge !== undefined;
  const isForSessions = asksForSignIn || (permission === undefined && anyToken === undefined);
  return [
    (_req, res, next) => {
      const claims = res.locals.principal as AccessClaims;
      if (isForSessions) requireSession(claims);
      if (role !== undefined && !claims.roles.includes(role)) throw new AppError('forbidden');
      if (permission !== undefined) requirePermission(claims, permission);
      next();
    },
  ];
}

/** @throws AppError session_required */
export function requireSession({ kind }: Pick<AccessClaims, 'kind'>): void {
  if (kind !== 'session') throw new AppError('session_required');
}

/** @throws AppError forbidden, which names the permission (RFC 6750 §3.1) */
export function requirePermission({ permissions }: Pick<AccessClaims, 'permissions'>, permission: string): void {
  if (!permissions.has(permission)) throw lacking(permission);
}

export function lacking(permission: string): AppError {
  return new AppError('forbidden', { detail: `You lack ${permission}.`, members: { scope: permission } });
}
