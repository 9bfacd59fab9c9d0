import type { RowLimit } from '../endpoint.js';
import type { AccessClaims } from '../sessions/access-tokens.js';

/** New codes by user: each time a mail is due, an event is written and every other session ends. */
export const recoveryCodesLimit: RowLimit<AccessClaims> = {
  name: 'logins',
  keys: ({ limits, principal }) => [
    { limit: limits.logins, key: `codes ${principal.sub}`, always: true, ofOthers: true },
  ],
  counts: () => true,
};
