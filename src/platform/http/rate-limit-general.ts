import type { RequestHandler } from 'express';
import { addressKey, networkKey, widerNetworks } from '../address-key.js';
import { maxNetworks, shares } from '../limits/address-limit.js';
import type { Policy } from '../limits/counters.js';
import { createWindowCounter, type Entry } from '../limits/window-counter.js';
import { addressOf } from './caller.js';
import { rateLimited } from './rate-limit-headers.js';

// About 20 MB if all are different IPv6 addresses.
const maxAddresses = 100_000;

/**
 * How the general limit counts a row: as all others do, or `never` (probes of a whole cluster come from one address);
 * `apart` (what else comes from the address takes nothing from it); only `refusals` (one service asks for all its callers).
 */
export type GeneralRule = 'never' | 'apart' | 'refusals';

/**
 * On every request, so it counts in this instance only, without promise or timer, and sets headers only to refuse.
 * @param rules by path
 */
export function refuseFloods(policy: Policy, rules: ReadonlyMap<string, GeneralRule>): RequestHandler {
  const [all, apart] = [createFloodCounter(policy), createFloodCounter(policy)];
  return (req, res, next) => {
    const rule = rules.get(req.url);
    if (rule === 'never') return next();
    const { counted, exceeded } = (rule === 'apart' ? apart : all)(addressOf(req));
    if (exceeded) throw rateLimited(policy, exceeded.endsAt - Date.now());
    if (rule === 'refusals') res.once('finish', () => res.statusCode < 400 && giveBack(counted));
    next();
  };
}

type Flood = { counted: Entry[]; exceeded?: Entry };

/** Counts an address and the networks around it, up to the first that has too many points. */
function createFloodCounter({ points, seconds }: Policy): (address: string) => Flood {
  const counter = createWindowCounter(seconds * 1000, maxAddresses);
  const wider = widerNetworks.map((width) => ({
    width,
    most: points * shares[width],
    counter: createWindowCounter(seconds * 1000, maxNetworks),
  }));
  return (address) => {
    const own = counter.add(addressKey(address));
    const counted = [own];
    if (own.points > points) return { counted, exceeded: own };
    for (const { width, most, counter } of wider) {
      const key = networkKey(address, width);
      // IPv4 has none.
      if (key === undefined) break;
      const around = counter.add(key);
      counted.push(around);
      if (around.points > most) return { counted, exceeded: around };
    }
    return { counted };
  };
}

function giveBack(counted: Entry[]): void {
  for (const entry of counted) entry.points -= 1;
}
