import { type AddressKey, networksAround, type Width, widerNetworks } from '../address-key.js';
import { memoryCounter } from './counters.js';
import { createLimit, type Limit } from './limit.js';

/** Counts addresses: whatever has one is counted by `byAddress`. */
export type AddressLimit = { limit: Limit; wider: { width: Width; limit: Limit }[] };

// Several customers may share such a network, but not thousands of them at one moment.
export const shares = { 56: 2, 48: 3 };

/** How many wider networks are counted at once, of each width. */
export const maxNetworks = 10_000;

/** Wider networks are counted in each instance alone, so they cost no statement. */
export function createAddressLimit(limit: Limit): AddressLimit {
  const wider = widerNetworks.map((width) => {
    const own = { ...limit.policy, name: `${limit.policy.name}_${width}`, points: limit.policy.points * shares[width] };
    return { width, limit: createLimit(own, memoryCounter(own, maxNetworks), false) };
  });
  return { limit, wider };
}

/** An address and the networks around it, each with how many times as much as one address it may have. */
export function sharesAround(address: AddressKey): [network: AddressKey, share: number][] {
  const [own = address, ...wider] = networksAround(address).toReversed();
  return [[own, 1], ...wider.map((network, n): [AddressKey, number] => [network, shares[widerNetworks[n] ?? 56]])];
}
