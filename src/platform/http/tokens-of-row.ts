import type { BaseDeps, Row } from './endpoint.js';

type AskingRow = {
  guard: { hasClaims?: true; optional?: true };
  role?: string;
  permission?: string;
  anyToken?: true;
  sessionOnly?: true;
  acr?: string;
  maxAge?: number;
};

/**
 * Which tokens a row takes: `session` is those of sessions alone, `any` is API keys and their tokens too. A row that says
 * nothing is for sessions alone, so a new row is closed to keys. So is one that asks how its user signed in, or for a role:
 * a key carries permissions, and would have all roles of its owner, however little it was made for. A row with a *proof*
 * says it: a key must not try out the password of its owner.
 * @returns undefined where the guard reads no access token
 */
export function tokensOf(row: AskingRow): 'session' | 'any' | undefined {
  const { guard, role, permission, anyToken, sessionOnly, acr, maxAge } = row;
  if (!guard.hasClaims) return undefined;
  const asksForSignIn = (acr ?? 'aal1') !== 'aal1' || maxAge !== undefined;
  const saysNothing = permission === undefined && anyToken === undefined;
  return guard.optional || sessionOnly || asksForSignIn || role !== undefined || saysNothing ? 'session' : 'any';
}

/** What a row may refuse of the tokens that it reads, API keys included. */
export function tokenRefusalsOf<Deps extends BaseDeps>(row: Row<Deps>): Row<Deps>['guard']['refusals'] {
  const { guard, role, permission } = row;
  return [
    ...guard.refusals,
    ...(guard.keyRefusals ?? []),
    ...(guard.keyRefusals && tokensOf(row) === 'session' ? (['session_required'] as const) : []),
    ...(role === undefined && permission === undefined ? [] : (['forbidden'] as const)),
  ];
}
