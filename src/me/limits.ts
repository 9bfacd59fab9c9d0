import type { RowLimit } from '../endpoint.js';
import type { AccessClaims } from '../sessions/access-tokens.js';

export const exportLimit: RowLimit<AccessClaims> = {
  name: 'export',
  keys: ({ limits, principal }) => [{ limit: limits.export, key: principal.sub }],
  counts: (code) => code === undefined,
};

/** Each answer tells whether a name is taken, and each change sends a mail. */
export const usernameLimit: RowLimit<AccessClaims> = {
  name: 'username',
  keys: ({ limits, req: { body }, principal }) =>
    body?.username === undefined ? [] : [{ limit: limits.username, key: principal.sub }],
  counts: () => true,
};
