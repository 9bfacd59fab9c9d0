import type { BaseDeps, Row } from './endpoint.js';

type AskingRow = {
  guard: { hasClaims?: true; optional?: true };
  permission?: string;
  anyToken?: true;
  acr?: string;
  maxAge?: number;
};

/**
 * Which tokens a row takes: `session` is those of sessions alone, `any` is API keys and their tokens too. A row that says
 * nothing is for sessions alone, so a new row is closed to keys. So is one that asks how its user signed in.
 * @returns undefined where the guard reads no access token
 */
export function tokensOf({ guard, permission, anyToken, acr, maxAge }: AskingRow): 'session' | 'any' | undefined {
  if (!guard.hasClaims) return undefined;
  const asksForSignIn = (acr ?? 'aal1') !== 'aal1' || maxAge !== undefined;
  const saysNothing = permission === undefined && anyToken === undefined;
  return guard.optional || asksForSignIn || saysNothing ? 'session' : 'any';
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
