const perMinute = 5;
const minute = 60_000;
const longest = 500;

/**
 * Tells a log of trouble: the same once a minute, and at most five messages a minute, because parts of them come from
 * the other side. They have no control characters, and at most 500 characters.
 */
export function createTelling(log: (message: string) => void): (message: string) => void {
  let beganAt = Number.NEGATIVE_INFINITY;
  const told = new Set<string>();
  return (message) => {
    const now = performance.now();
    if (now - beganAt >= minute) {
      beganAt = now;
      told.clear();
    }
    if (told.has(message) || told.size >= perMinute) return;
    told.add(message);
    log(message.replace(/\p{Cc}+/gu, ' ').slice(0, longest));
  };
}
