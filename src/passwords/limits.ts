import type { RowLimit } from '../endpoint.js';
import { byAddress } from '../platform/http/by-address.js';
import type { AccessClaims } from '../sessions/access-tokens.js';

/**
 * Wrong passwords by session: the thief of one cannot lock the user out of the others. All that are checked by user:
 * each costs a hash, from however many sessions and addresses.
 */
export const passwordLimit: RowLimit<AccessClaims> = {
  name: 'password',
  keys({ limits, req: { body }, principal }) {
    const hasPassword = body?.password !== undefined || body?.current_password !== undefined;
    if (!hasPassword) return [];
    return [
      { limit: limits.password, key: principal.sid },
      { limit: limits.logins, key: `check ${principal.sub}`, always: true, ofOthers: true },
    ];
  },
  counts: (code) => code === 'invalid_credentials',
};

/** Made-up tokens only: one that was mailed cannot be guessed, so it is looked at first. */
export const resetLimit: RowLimit<unknown> = {
  name: 'reset',
  keys: ({ limits, req }) => byAddress(limits.password_address, req),
  afterwards: true,
  counts: (code) => code === 'invalid_one_time_token',
};
