import type { RequestHandler } from 'express';
import { addressKey, networkKey, widerNetworks } from '../address-key.js';
import { maxNetworks, shares } from '../limits/address-limit.js';
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
  const wider = widerNetworks.map((width) => ({
    width,
    points: policy.points * shares[width],
    counter: createWindowCounter(policy.seconds * 1000, maxNetworks),
  }));
  const uncounted = new Set(probes);
  return (req, res, next) => {
    if (uncounted.has(req.url)) return next();
    const address = addressOf(req);
    const entry = counter.add(addressKey(address));
    if (entry.points > policy.points) return refuseByLimit(res, policy, entry.endsAt - Date.now());
    for (const { width, points, counter } of wider) {
      const key = networkKey(address, width);
      // IPv4 has none.
      if (key === undefined) break;
      const around = counter.add(key);
      if (around.points > points) return refuseByLimit(res, policy, around.endsAt - Date.now());
    }
    next();
  };
}
