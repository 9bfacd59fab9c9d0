/** Points counted for one key in one window. Who holds it may take points back: from this window, never another. */
export type Entry = { points: number; endsAt: number };

export type Tally = {
  /** Adds a point for the key. A window begins with a key's first point, and with it all is forgotten at once. */
  add(key: string): Entry;
  /** How many keys are remembered. */
  size(): number;
};

/**
 * Counts in memory. All windows have one length, so the entries lie in the order in which they end, and what has
 * ended is dropped as new keys come: no timer, and at most `maxKeys` entries. Beyond that the oldest are forgotten,
 * which takes as many different addresses or names, each of them limited by itself.
 */
export function createTally(windowMs: number, maxKeys: number): Tally {
  const entries = new Map<string, Entry>();

  function begin(key: string, now: number): Entry {
    // Two go for each that comes, so that a flood of keys is forgotten as fast as it came.
    dropFirstIfEnded(now);
    dropFirstIfEnded(now);
    entries.delete(key);
    if (entries.size >= maxKeys) dropFirst();
    const entry = { points: 1, endsAt: now + windowMs };
    entries.set(key, entry);
    return entry;
  }

  function dropFirstIfEnded(now: number): void {
    const [first] = entries.values();
    if (first && first.endsAt <= now) dropFirst();
  }

  function dropFirst(): void {
    const [key] = entries.keys();
    if (key !== undefined) entries.delete(key);
  }

  return {
    add(key) {
      const now = Date.now();
      const entry = entries.get(key);
      if (!entry || entry.endsAt <= now) return begin(key, now);
      entry.points += 1;
      return entry;
    },
    size: () => entries.size,
  };
}
