import type { RequestHandler } from 'express';
import type { Policy } from '../limits/counters.js';
import { createTally } from '../limits/window-counter.js';
import { addressKeyOf } from './address-key.js';
import { refuseByLimit } from './rate-limit-headers.js';

// About 20 MB, where they are all different and IPv6.
const maxAddresses = 100_000;

/**
 * The limit on everything that comes from an address. It is on the way of every request, so it is counted in this
 * instance alone, without a promise or a timer, and its headers are written only when it refuses.
 */
export function refuseFloods(policy: Policy): RequestHandler {
  const tally = createTally(policy.seconds * 1000, maxAddresses);
  return (req, res, next) => {
    const entry = tally.add(addressKeyOf(req));
    if (entry.points <= policy.points) return next();
    refuseByLimit(res, policy, entry.endsAt - Date.now());
  };
}
