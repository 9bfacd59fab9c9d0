import type { Request } from 'express';
import { addressKey, networkKey } from '../address-key.js';
import type { AddressLimit } from '../limits/address-limit.js';
import { addressOf } from './caller.js';
import type { LimitKey } from './endpoint.js';

/**
 * Counts a request by its address and, of IPv6, by the wider networks that the address is in.
 * @param what sets what is counted apart from other things that the same limit counts
 */
export function byAddress(limit: AddressLimit, req: Request, what = ''): LimitKey[] {
  return keysOf(limit, addressOf(req), what);
}

/** The same where the address is known already. */
export function keysOf({ limit, wider }: AddressLimit, address: string, what = ''): LimitKey[] {
  const networks = wider.flatMap(({ width, limit }) => {
    const key = networkKey(address, width);
    return key === undefined ? [] : [{ limit, key: `${what}${key}`, ofOthers: true as const }];
  });
  return [{ limit, key: `${what}${addressKey(address)}` }, ...networks];
}
