import { type AddressKey, networksAround } from '../address-key.js';

type Entry = {
  address: AddressKey;
  milliseconds: number;
  /** Whether it can begin; others wait for something else first, and only take up room. */
  isReady: boolean;
};

/** A network with those in it: the networks inside, or the waiters of one address. */
type Network<Waiter> = { size: number; line: Waiter[]; inside: Map<AddressKey, Network<Waiter>> };

/**
 * Addresses take turns; of one address, first come, first served. The networks around an IPv6 address take turns in the
 * same way: a /48 with all its /64s has one turn, as an IPv4 address has.
 */
export function createFairQueue<Waiter extends Entry>() {
  const all: Network<Waiter> = emptyNetwork();
  let total = 0;

  /** From the whole down to the address, as far as it is there. */
  function pathTo(address: AddressKey): Network<Waiter>[] {
    const path = [all];
    for (const key of networksAround(address)) {
      const next = path.at(-1)?.inside.get(key);
      if (!next) break;
      path.push(next);
    }
    return path;
  }

  function remove(waiter: Waiter): void {
    const path = pathTo(waiter.address);
    const line = path.at(-1)?.line ?? [];
    const place = line.indexOf(waiter);
    if (place === -1) return;
    line.splice(place, 1);
    for (const network of path) network.size -= 1;
    networksAround(waiter.address).forEach((key, depth) => {
      if (path[depth + 1]?.size === 0) path[depth]?.inside.delete(key);
    });
    total = all.size === 0 ? 0 : total - waiter.milliseconds;
  }

  return {
    size: () => all.size,
    /** How long all of it takes, in milliseconds. */
    total: () => total,
    add(waiter: Waiter): void {
      let network = all;
      network.size += 1;
      for (const key of networksAround(waiter.address)) {
        const next: Network<Waiter> = network.inside.get(key) ?? emptyNetwork();
        network.inside.set(key, next);
        network = next;
        network.size += 1;
      }
      network.line.push(waiter);
      total += waiter.milliseconds;
    },
    remove,
    next: (mayBegin: (waiter: Waiter) => boolean) => firstIn(all, (waiter) => waiter.isReady && mayBegin(waiter)),
    /** Takes the next one out; its address, and the networks around it, go to the end of their rings. */
    take(next: Waiter): void {
      remove(next);
      const path = pathTo(next.address);
      networksAround(next.address).forEach((key, depth) => {
        const network = path[depth + 1];
        if (!network) return;
        path[depth]?.inside.delete(key);
        path[depth]?.inside.set(key, network);
      });
    },
    /**
     * The last of the address with the most; of several such addresses, the one whose turn is furthest away.
     * @param newcomer the address that needs room: then there is none to replace if the fullest address would end up
     * with fewer waiters than the newcomer
     */
    lastOfFullest: (newcomer?: AddressKey): Waiter | undefined =>
      newcomer === undefined ? lastIn(all) : lastBeside(all, networksAround(newcomer)),
  };
}

function emptyNetwork<Waiter>(): Network<Waiter> {
  // A Map keeps insertion order: it is the ring of addresses.
  return { size: 0, line: [], inside: new Map() };
}

function firstIn<Waiter>(network: Network<Waiter>, suits: (waiter: Waiter) => boolean): Waiter | undefined {
  for (const inner of network.inside.values()) {
    const first = firstIn(inner, suits);
    if (first) return first;
  }
  return network.line.find(suits);
}

function fullestIn<Waiter>({ inside }: Network<Waiter>): Network<Waiter> | undefined {
  return [...inside.values()].reduce<Network<Waiter> | undefined>(
    (most, network) => (most && most.size > network.size ? most : network),
    undefined,
  );
}

function lastIn<Waiter>(network: Network<Waiter>): Waiter | undefined {
  const fullest = fullestIn(network);
  return fullest ? lastIn(fullest) : network.line.at(-1);
}

/** Of another network than the newcomer's if that has more; else of the newcomer's own neighbours. */
function lastBeside<Waiter>(network: Network<Waiter>, [key, ...further]: AddressKey[]): Waiter | undefined {
  if (key === undefined) return undefined;
  const own = network.inside.get(key);
  const fullest = fullestIn(network);
  if (fullest && fullest !== own && fullest.size > (own?.size ?? 0) + 1) return lastIn(fullest);
  return own && lastBeside(own, further);
}
