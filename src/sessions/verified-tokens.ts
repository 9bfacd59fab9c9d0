import type { AccessClaims } from './access-tokens.js';

/** Access tokens whose signature and claims have held before. Expiry and revocation are its user's to check. */
export type VerifiedTokens = {
  get(token: string): AccessClaims | undefined;
  add(token: string, claims: AccessClaims): void;
};

/**
 * Verifying a signature costs more than all the rest of a small request, so it is done once a token.
 * @param size how many are kept at least; at most twice as many are, in two generations of which the older goes
 */
export function createVerifiedTokens(size: number): VerifiedTokens {
  let young = new Map<string, AccessClaims>();
  let old = new Map<string, AccessClaims>();
  return {
    get: (token) => young.get(token) ?? old.get(token),
    add(token, claims) {
      if (young.size >= size) {
        old = young;
        young = new Map();
      }
      young.set(token, claims);
    },
  };
}
