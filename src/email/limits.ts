import type { RowLimit } from '../endpoint.js';
import { byAddress } from '../platform/http/by-address.js';

/**
 * By the asker's address alone. A recipient's mails are counted at the outbox (platform/outbox/gate.ts): refusing here
 * would let a stranger use up what the recipient asks for.
 */
export const mailLimit: RowLimit<unknown> = {
  name: 'mail',
  keys: ({ limits, req }) => byAddress(limits.mail_address, req),
  counts: () => true,
};

/** The same for a body whose `email` is optional. */
export const newEmailLimit: RowLimit<unknown> = {
  ...mailLimit,
  name: 'new-email',
  keys: (request) => (request.req.body?.email === undefined ? [] : mailLimit.keys(request)),
};

/** Wrong passwords by the asker's address: who tries has a token that was mailed. Made-up reset tokens do not count here. */
export const verifyLimit: RowLimit<unknown> = {
  name: 'verify',
  keys: ({ limits, req }) =>
    req.body?.password === undefined ? [] : byAddress(limits.password_address, req, 'verify '),
  counts: (code) => code === 'invalid_credentials',
};
