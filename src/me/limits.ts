import type { RowLimit } from '../endpoint.js';
import type { AccessClaims } from '../sessions/access-tokens.js';

export const exportLimit: RowLimit<AccessClaims> = {
  name: 'export',
  keys: ({ limits, principal }) => [{ limit: limits.export, key: principal.sub }],
  counts: (code) => code === undefined,
};
