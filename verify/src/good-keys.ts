/** The keys that the newest list names. */
export type GoodKeys = {
  has(kid: string): boolean;
  /** Takes what a list names. @returns those that the list before did not name */
  name(kids: ReadonlySet<string>): string[];
};

/**
 * What one list no longer names stays refused for so long, in milliseconds, if the next one names it: that may come from
 * an instance that is a moment behind.
 */
const staysGone = 3_000;

export function createGoodKeys(): GoodKeys {
  let named: ReadonlySet<string> = new Set();
  const goneAt = new Map<string, number>();
  const isGone = (kid: string) => performance.now() - (goneAt.get(kid) ?? Number.NEGATIVE_INFINITY) < staysGone;
  return {
    has: (kid) => named.has(kid) && !isGone(kid),
    name(kids) {
      for (const kid of named) if (!kids.has(kid)) goneAt.set(kid, performance.now());
      for (const kid of goneAt.keys()) if (!isGone(kid)) goneAt.delete(kid);
      const added = [...kids].filter((kid) => !named.has(kid));
      named = kids;
      return added;
    },
  };
}
