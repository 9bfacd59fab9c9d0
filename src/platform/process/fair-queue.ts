type Entry = { address: string; milliseconds: number };

/** Addresses take turns; of one address, first come, first served. */
export function createFairQueue<Waiter extends Entry>() {
  // A Map keeps insertion order: it is the ring of addresses.
  const lines = new Map<string, Waiter[]>();
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
    /** How long the waiting work takes in all, in milliseconds. */
    total: () => total,
    add(waiter: Waiter): void {
      const line = lines.get(waiter.address) ?? [];
      line.push(waiter);
      lines.set(waiter.address, line);
      size += 1;
      total += waiter.milliseconds;
    },
    remove,
    lengthOf: (address: string) => lines.get(address)?.length ?? 0,
    longest: () => Math.max(0, ...[...lines.values()].map(({ length }) => length)),
    next(): Waiter | undefined {
      const [line] = lines.values();
      return line?.[0];
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
     * @param newcomer the address that needs room: then there is none to replace if the fullest address would end up
     * with fewer waiters than the newcomer
     */
    lastOfFullest(newcomer?: string): Waiter | undefined {
      const fullest = [...lines.values()].reduce((most, line) => (line.length > most.length ? line : most), []);
      const own = newcomer === undefined ? -1 : (lines.get(newcomer)?.length ?? 0);
      return fullest.length > own + 1 ? fullest.at(-1) : undefined;
    },
  };
}
