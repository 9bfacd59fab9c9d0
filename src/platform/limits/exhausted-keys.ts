// Of a key known to be spent the store is asked once in this time. Not until the window ends: another instance may
// give points back.
const believedMs = 1_000;

const maxSpent = 10_000;

/** Keys that were found spent, and when their windows end; only so many, for the store knows them all. */
export function createSpentKeys() {
  const keys = new Map<string, { believedUntil: number; endsAt: number }>();
  return {
    /** When the key's window ends, where it need not be asked about. */
    get(key: string): number | undefined {
      const found = keys.get(key);
      return found && performance.now() < Math.min(found.believedUntil, found.endsAt) ? found.endsAt : undefined;
    },
    /** Whether it was spent earlier in this window: then nobody else's attempts explain it any more. */
    wasJust(key: string): boolean {
      const found = keys.get(key);
      return found !== undefined && performance.now() < found.endsAt;
    },
    /** @returns when its window ends */
    add(key: string, msLeft: number, believedFor = believedMs): number {
      const now = performance.now();
      keys.delete(key);
      const [oldest] = keys.keys();
      if (keys.size >= maxSpent && oldest !== undefined) keys.delete(oldest);
      keys.set(key, { believedUntil: now + believedFor, endsAt: now + msLeft });
      return now + msLeft;
    },
  };
}
