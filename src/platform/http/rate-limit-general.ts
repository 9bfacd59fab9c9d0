import type { RequestHandler } from 'express';
import { addressKey } from '../address-key.js';
import type { Policy } from '../limits/counters.js';
import { createWindowCounter } from '../limits/window-counter.js';
import { addressOf } from './caller.js';
import { refuseByLimit } from './rate-limit-headers.js';

// About 20 MB if all are different IPv6 addresses.
const maxAddresses = 100_000;

/**
 * On every request except probes, so it counts in this instance only, without promise or timer, and sets headers only to refuse.
 * @param probes paths that must be answered whatever else comes from their address, and cost next to nothing
 */
export function refuseFloods(policy: Policy, probes: string[]): RequestHandler {
  const counter = createWindowCounter(policy.seconds * 1000, maxAddresses);
  const uncounted = new Set(probes);
  return (req, res, next) => {
    if (uncounted.has(req.url)) return next();
    const entry = counter.add(addressKey(addressOf(req)));
    if (entry.points <= policy.points) return next();
    refuseByLimit(res, policy, entry.endsAt - Date.now());
  };
}
