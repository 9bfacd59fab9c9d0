import type { LimitedRequest, LimitKey, RowLimit } from '../endpoint.js';
import { AppError } from '../errors.js';
import { addressKeyOf } from '../platform/http/address-key.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { canonical } from '../users/users.js';
import { addressToVerify } from './addresses.js';

/** Counts mails: to the user who is signed in, else to the body's `email`; by recipient and by the client's address. */
export const mailLimit: RowLimit<AccessClaims | AppError | undefined> = {
  name: 'mail',
  keys: async (request) => mailTo(request, await recipientOf(request)),
  counts: () => true,
};

/** Counts mails to the body's `email`, where there is one, in the same way. */
export const newEmailLimit: RowLimit<unknown> = {
  name: 'new-email',
  keys: (request) => {
    const email: string | undefined = request.req.body?.email;
    return email === undefined ? [] : mailTo(request, canonical(email));
  },
  counts: () => true,
};

function mailTo({ limits, req }: Pick<LimitedRequest<unknown>, 'limits' | 'req'>, recipient: string): LimitKey[] {
  return [
    { limit: limits.mail_address, key: addressKeyOf(req) },
    { limit: limits.mail, key: recipient },
  ];
}

/**
 * The recipient: for a user who is signed in the address that they have yet to verify, whatever they typed besides; for
 * all others the address that was typed, whether or not a user has it.
 */
async function recipientOf({ deps, req, principal }: LimitedRequest<AccessClaims | AppError | undefined>) {
  if (principal && !(principal instanceof AppError))
    return (await addressToVerify(deps, principal.sub)) ?? principal.sub;
  return typeof req.body?.email === 'string' ? canonical(req.body.email) : 'nobody';
}
