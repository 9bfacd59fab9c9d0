import type { RowLimit } from '../endpoint.js';
import { byAddress } from '../platform/http/by-address.js';
import type { AccessClaims } from '../sessions/access-tokens.js';

export const passwordLimit: RowLimit<AccessClaims> = {
  name: 'password',
  keys({ limits, req: { body }, principal }) {
    const hasPassword = body?.password !== undefined || body?.current_password !== undefined;
    return hasPassword ? [{ limit: limits.password, key: principal.sub }] : [];
  },
  counts: (code) => code === 'invalid_credentials',
};

export const resetLimit: RowLimit<unknown> = {
  name: 'reset',
  keys: ({ limits, req }) => byAddress(limits.password_address, req),
  counts: () => true,
};
