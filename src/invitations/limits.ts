import type { RowLimit } from '../endpoint.js';
import type { AccessClaims } from '../sessions/access-tokens.js';

/** Each one sends a mail, and tells whether a user has the address. */
export const invitationLimit: RowLimit<AccessClaims> = {
  name: 'invitation',
  keys: ({ limits, principal }) => [{ limit: limits.invitation, key: principal.sub }],
  counts: () => true,
};
