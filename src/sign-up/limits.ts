import type { RowLimit } from '../endpoint.js';
import { addressKeyOf } from '../platform/http/address-key.js';

export const signUpLimit: RowLimit<unknown> = {
  name: 'signup',
  keys: ({ limits, req }) => [{ limit: limits.signup, key: addressKeyOf(req) }],
  counts: () => true,
};
