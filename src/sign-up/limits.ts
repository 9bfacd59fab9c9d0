import type { RowLimit } from '../endpoint.js';
import { byAddress } from '../platform/http/by-address.js';

export const signUpLimit: RowLimit<unknown> = {
  name: 'signup',
  keys: ({ limits, req }) => byAddress(limits.signup, req),
  counts: () => true,
};
