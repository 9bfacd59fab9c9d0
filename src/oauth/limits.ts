import { isApiKey } from '../api-keys/format.js';
import { refuseExhausted } from '../api-keys/guard.js';
import type { RowLimit } from '../endpoint.js';
import { byAddress } from '../platform/http/by-address.js';
import type { AccessClaims } from '../sessions/access-tokens.js';

/** Tokens that were not good, by who asks. Good ones are always answered. */
export const introspectLimit: RowLimit<AccessClaims> = {
  name: 'introspect',
  keys: ({ limits, principal }) => [{ limit: limits.introspect, key: principal.sub }],
  afterwards: true,
  counts: (_code, isMiss) => isMiss,
};

/**
 * Tokens that are none of ours. What is left is not told, because it would tell them from others (RFC 7009 §2.2); and past
 * the limit all keys are refused before one is looked up. Other tokens are known by their signature.
 */
export const revokeLimit: RowLimit<undefined> = {
  name: 'revoke',
  keys({ limits, req }) {
    const keys = byAddress(limits.revoke, req).map((key) => ({ ...key, ofOthers: true as const }));
    if (isApiKey(req.body.token)) refuseExhausted(keys);
    return keys;
  },
  afterwards: true,
  counts: (_code, isMiss) => isMiss,
};
