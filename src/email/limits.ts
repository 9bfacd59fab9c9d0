import type { LimitedRequest, LimitKey, RowLimit } from '../endpoint.js';
import { AppError } from '../errors.js';
import { addressKeyOf } from '../platform/http/address-key.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { canonical } from '../users/users.js';
import { addressToVerify } from './addresses.js';

export const mailLimit: RowLimit<AccessClaims | AppError | undefined> = {
  name: 'mail',
  keys: async (request) => mailTo(request, await recipientOf(request)),
  counts: () => true,
};

/** The same for a body whose `email` is optional. */
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
 * Counts signed-in users under their unverified address, others under the typed one: so a 429 does not tell who exists.
 */
async function recipientOf({ deps, req, principal }: LimitedRequest<AccessClaims | AppError | undefined>) {
  if (principal && !(principal instanceof AppError))
    return (await addressToVerify(deps, principal.sub)) ?? principal.sub;
  return typeof req.body?.email === 'string' ? canonical(req.body.email) : 'none';
}
