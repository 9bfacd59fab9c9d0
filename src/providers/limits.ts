import type { RowLimit } from '../endpoint.js';
import { byAddress } from '../platform/http/by-address.js';

/** Each costs a row. */
export const externalLimit: RowLimit<unknown> = {
  name: 'external',
  keys: ({ limits, req }) => byAddress(limits.external, req),
  counts: () => true,
};

/** Refused codes, which cannot be guessed: this bounds what they cost; and usernames that are tried with one code. */
export const externalCodeLimit: RowLimit<unknown> = {
  name: 'external',
  keys: ({ limits, req }) => byAddress(limits.external, req),
  afterwards: true,
  counts: (code) => code === 'invalid_one_time_token' || code === 'username_taken',
};
