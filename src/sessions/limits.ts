import type { RowLimit } from '../endpoint.js';
import type { ErrorCode } from '../errors.js';
import { byAddress } from '../platform/http/by-address.js';

const refused: (ErrorCode | undefined)[] = ['invalid_refresh_token', 'refresh_token_reused', 'session_revoked'];

export const refreshLimit: RowLimit<unknown> = {
  name: 'refresh',
  keys: ({ limits, req }) => byAddress(limits.refresh, req),
  afterwards: true,
  counts: (code) => refused.includes(code),
};
