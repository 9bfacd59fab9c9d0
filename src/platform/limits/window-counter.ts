/** The points of one key in one window. A caller that keeps the entry can only take points back from this window. */
export type Entry = { points: number; endsAt: number };

type WindowCounter = {
  /** Adds a point. A key's first point starts its window; at the end all its points are forgotten. */
  add(key: string): Entry;
  size(): number;
};

/**
 * All windows have the same length, so the oldest ends first: adding a key removes ended ones, without a timer.
 * Above `maxKeys` the oldest are forgotten. For that, an attacker needs as many addresses or names, each with its own
 * limit.
 */
export function createWindowCounter(windowMs: number, maxKeys: number): WindowCounter {
  const entries = new Map<string, Entry>();

  function begin(key: string, now: number): Entry {
    // Two per new key, so that a flood of keys is forgotten as fast as it came.
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
