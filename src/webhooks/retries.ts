const [minute, hour] = [60, 3600];

/** Seconds after the first attempt, the second, … : more than three days in all, then it is given up. */
const delays = [5, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour];

const longestAsked = 24 * hour;

/**
 * A fifth more or less at random, so that failures do not repeat together; later if the receiver asks for it.
 * @param attempts so far, including this one
 * @returns seconds; undefined after the last attempt
 */
export function retryDelay(attempts: number, asked = 0): number | undefined {
  const delay = delays[attempts - 1];
  return delay && Math.max(delay * (0.8 + Math.random() * 0.4), Math.min(asked, longestAsked));
}

/** The seconds of a `Retry-After` (RFC 9110 §10.2.3); 0 for none and for what is not understood. */
export function secondsOf(retryAfter: string | undefined, now = Date.now()): number {
  if (retryAfter === undefined) return 0;
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter);
  const at = /^[A-Z][a-z]{2}, /.test(retryAfter) ? Date.parse(retryAfter) : Number.NaN;
  return Number.isNaN(at) ? 0 : Math.max(0, (at - now) / 1000);
}
