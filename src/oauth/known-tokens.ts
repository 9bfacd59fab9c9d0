import { isApiKey } from '../api-keys/format.js';
import type { Deps } from '../deps.js';
import { AppError } from '../errors.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { createTokenCheck, createTokenReader } from '../sessions/guard.js';

type KnownTokens = {
  check: ReturnType<typeof createTokenCheck>;
  read: ReturnType<typeof createTokenReader>;
};

const made = new WeakMap<Deps, KnownTokens>();

/** One for each server: it remembers what it has verified. */
function knownTokens(deps: Deps): KnownTokens {
  const found = made.get(deps) ?? { check: createTokenCheck(deps), read: createTokenReader(deps) };
  made.set(deps, found);
  return found;
}

/** @returns what a key or an access token opens now, or undefined if nothing. @throws if nobody knows */
export function goodToken(deps: Deps, token: string): Promise<AccessClaims | undefined> {
  return unlessRefused(isApiKey(token) ? deps.apiKeys.check(token) : knownTokens(deps).check(token));
}

/** @throws AppError why it is not good */
export function checkAccessToken(deps: Deps, token: string): Promise<AccessClaims> {
  return knownTokens(deps).check(token);
}

/** @returns the claims of an access token that this server has signed, however old, or undefined. @throws if nobody knows */
export function genuineToken(deps: Deps, token: string): Promise<AccessClaims | undefined> {
  return unlessRefused(knownTokens(deps).read(token));
}

export async function unlessRefused<Found>(found: Promise<Found>): Promise<Found | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof AppError && (error.status === 401 || error.status === 403)) return undefined;
    throw error;
  }
}
