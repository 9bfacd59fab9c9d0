import type { RowLimit } from '../endpoint.js';
import { byAddress } from '../platform/http/by-address.js';
import type { AccessClaims } from '../sessions/access-tokens.js';

/**
 * Wrong passwords by session: the thief of one cannot lock the user out of the others. All that are checked by user:
 * each costs a hash, from however many sessions and addresses. Passkeys are counted with these: each leaves rows.
 */
export const passwordLimit: RowLimit<AccessClaims> = {
  name: 'password',
  keys({ limits, req: { body }, principal }) {
    const hasPassword = body?.password !== undefined || body?.current_password !== undefined;
    const ofUser = { limit: limits.logins, key: `check ${principal.sub}`, always: true, ofOthers: true } as const;
    if (hasPassword) return [{ limit: limits.password, key: principal.sid }, ofUser];
    return body?.passkey === undefined ? [] : [ofUser];
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
