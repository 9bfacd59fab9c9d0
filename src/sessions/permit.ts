import type { RequestHandler } from 'express';
import { AppError } from '../errors.js';
import { tokensOf } from '../platform/http/tokens-of-row.js';
import type { AccessClaims } from './access-tokens.js';

type AskingRow = Parameters<typeof tokensOf>[0] & { role?: string };

/**
 * What a row asks of the token itself: whether keys may use it, a role, a permission (ASVS 8.2.1, 8.3.2).
 * @returns the step that checks it, or none
 */
export function permitOf(row: AskingRow): RequestHandler[] {
  const { guard, role, permission } = row;
  if (!guard.hasClaims || guard.optional) return [];
  const isForSessions = tokensOf(row) === 'session';
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
function requireSession({ kind }: Pick<AccessClaims, 'kind'>): void {
  if (kind !== 'session') throw new AppError('session_required');
}

/** @throws AppError forbidden, which names the permission (RFC 6750 §3.1) */
function requirePermission({ permissions }: Pick<AccessClaims, 'permissions'>, permission: string): void {
  if (!permissions.has(permission)) throw lacking(permission);
}

export function lacking(permission: string): AppError {
  return new AppError('forbidden', { detail: `You lack ${permission}.`, members: { scope: permission } });
}
