import type { Deps } from '../deps.js';
import type { RowLimit } from '../endpoint.js';
import type { Caller } from '../platform/caller.js';
import { byAddress, keysOf } from '../platform/http/by-address.js';
import { rateLimited } from '../platform/http/rate-limit-headers.js';

export const signUpLimit: RowLimit<unknown> = {
  name: 'signup',
  keys: ({ limits, req }) => byAddress(limits.signup, req),
  counts: () => true,
};

/**
 * Counts a new user where the row cannot tell that there will be one.
 * @param sendsMail to an address that nobody has vouched for
 * @throws AppError rate_limited
 */
export async function countSignUp(
  { limits }: Pick<Deps, 'limits'>,
  { address }: Pick<Caller, 'address'>,
  sendsMail: boolean,
): Promise<void> {
  if (!limits) return;
  for (const one of [limits.signup, ...(sendsMail ? [limits.mail_address] : [])])
    for (const { limit, key } of keysOf(one, address)) {
      const counted = await limit.count(key);
      if (!counted.allowed) throw rateLimited(limit.policy, counted.msLeft);
    }
}
