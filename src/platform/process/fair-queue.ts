import type { AddressKey } from '../address-key.js';

type Entry = {
  address: AddressKey;
  milliseconds: number;
  /** Whether it can begin; others wait for something else first, and only take up room. */
  isReady: boolean;
};

/** Addresses take turns; of one address, first come, first served. */
export function createFairQueue<Waiter extends Entry>() {
  // A Map keeps insertion order: it is the ring of addresses.
  const lines = new Map<AddressKey, Waiter[]>();
  let size = 0;
  let total = 0;

  function remove(waiter: Waiter): void {
    const line = lines.get(waiter.address) ?? [];
    const place = line.indexOf(waiter);
    if (place === -1) return;
    line.splice(place, 1);
    size -= 1;
    total = size === 0 ? 0 : total - waiter.milliseconds;
    if (line.length === 0) lines.delete(waiter.address);
  }

  return {
    size: () => size,
    /** How long all of it takes, in milliseconds. */
    total: () => total,
    add(waiter: Waiter): void {
      const line = lines.get(waiter.address) ?? [];
      line.push(waiter);
      lines.set(waiter.address, line);
      size += 1;
      total += waiter.milliseconds;
    },
    remove,
    next(): Waiter | undefined {
      for (const line of lines.values()) {
        const ready = line.find(({ isReady }) => isReady);
        if (ready) return ready;
      }
      return undefined;
    },
    /** Takes the next one out; its address goes to the end of the ring. */
    take(next: Waiter): void {
      remove(next);
      const line = lines.get(next.address);
      if (!line) return;
      lines.delete(next.address);
      lines.set(next.address, line);
    },
    /**
     * The last of the address with the most; of several such addresses, the one whose turn is furthest away.
     * @param newcomer the address that needs room: then there is none to replace if the fullest address would end up
     * with fewer waiters than the newcomer
     */
    lastOfFullest(newcomer?: AddressKey): Waiter | undefined {
      const fullest = [...lines.values()].reduce((most, line) => (line.length >= most.length ? line : most), []);
      const own = newcomer === undefined ? -1 : (lines.get(newcomer)?.length ?? 0);
      return fullest.length > own + 1 ? fullest.at(-1) : undefined;
    },
  };
}
