import type { RowLimit } from '../endpoint.js';
import { byAddress } from '../platform/http/by-address.js';

/** Refused answers: they cannot be guessed, so this only bounds what they cost. */
export const passkeyLimit: RowLimit<unknown> = {
  name: 'passkey',
  keys: ({ limits, req }) => (req.body?.passkey === undefined ? [] : byAddress(limits.passkey, req)),
  afterwards: true,
  counts: (code) => code === 'invalid_credentials' || code === 'challenge_expired',
};
