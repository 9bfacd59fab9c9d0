import type { AccessClaims } from './access-tokens.js';

/** Access tokens whose signature and claims were verified before. The caller must still check expiry and revocation. */
type VerifiedTokens = {
  get(token: string): AccessClaims | undefined;
  add(token: string, claims: AccessClaims): void;
};

/** @param size keeps at least this many, at most twice as many, in two generations */
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
