import type { Request } from 'express';
import { addressKey, networkKey } from '../address-key.js';
import type { AddressLimit } from '../limits/address-limit.js';
import { addressOf } from './caller.js';
import type { LimitKey } from './endpoint.js';

/** Counts a request by its address and, of IPv6, by the wider networks that the address is in. */
export function byAddress({ limit, wider }: AddressLimit, req: Request): LimitKey[] {
  const address = addressOf(req);
  const networks = wider.flatMap(({ width, limit }) => {
    const key = networkKey(address, width);
    return key === undefined ? [] : [{ limit, key }];
  });
  return [{ limit, key: addressKey(address) }, ...networks];
}
