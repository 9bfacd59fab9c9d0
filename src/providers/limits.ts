import type { RowLimit } from '../endpoint.js';
import { byAddress } from '../platform/http/by-address.js';

/** Each costs a row. */
export const externalLimit: RowLimit<unknown> = {
  name: 'external',
  keys: ({ limits, req }) => byAddress(limits.external, req),
  counts: () => true,
};

/** Refused codes: they cannot be guessed, so this only bounds what they cost. */
export const externalCodeLimit: RowLimit<unknown> = {
  name: 'external',
  keys: ({ limits, req }) => byAddress(limits.external, req),
  afterwards: true,
  counts: (code) => code === 'invalid_one_time_token',
};
