import { AppError } from '../errors.js';
import { byAddress } from '../platform/http/by-address.js';
import type { LimitKey } from '../platform/http/endpoint.js';
import { rateLimited } from '../platform/http/rate-limit-headers.js';
import type { ApiKeys } from '../sessions/guard.js';
import { isApiKey } from './format.js';

/** Reads the keys that requests bring in a header. */
export const apiKeys: ApiKeys = ({ apiKeys: keys, limits }) => ({
  isOne: isApiKey,
  check(key, req) {
    let counted: LimitKey[] = [];
    const checked = keys.checkNow(key, () => {
      const limited = limits ? byAddress(limits.api_key, req) : [];
      refuseExhausted(limited);
      counted = limited;
    });
    if (!(checked instanceof Promise)) return checked;
    return checked.catch(async (error) => {
      // Afterwards, so that a good key costs the store nothing.
      if (error instanceof AppError && error.status < 500) await countRefused(counted);
      throw error;
    });
  },
});

export async function countRefused(counted: LimitKey[]): Promise<void> {
  await Promise.all(counted.map(({ limit, key }) => limit.count(key)));
}

/** Keys that the instance knows pass: nobody is locked out by a neighbour. @throws AppError rate_limited */
export function refuseExhausted(counted: LimitKey[]): void {
  for (const { limit, key } of counted) {
    const refused = limit.peek(key);
    if (refused) throw rateLimited(limit.policy, refused.msLeft);
  }
}
