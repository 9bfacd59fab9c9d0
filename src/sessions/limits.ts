import type { RowLimit } from '../endpoint.js';
import type { ErrorCode } from '../errors.js';
import { addressKeyOf } from '../platform/http/address-key.js';

const refused: (ErrorCode | undefined)[] = ['invalid_refresh_token', 'refresh_token_reused', 'session_revoked'];

export const refreshLimit: RowLimit<unknown> = {
  name: 'refresh',
  keys: ({ limits, req }) => [{ limit: limits.refresh, key: addressKeyOf(req) }],
  afterwards: true,
  counts: (code) => refused.includes(code),
};
