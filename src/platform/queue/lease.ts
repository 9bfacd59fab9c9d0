import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

/** Seconds before another worker may take an item; extended while it is worked on. */
export const leaseSeconds = 60;

/** Works while the lease is extended. @param extend for another {@link leaseSeconds} */
export async function whileLeased<T>(extend: () => Promise<void>, log: Logger, work: () => Promise<T>): Promise<T> {
  const extendNow = () => extend().catch((error: unknown) => log.warn({ err: error }, 'a lease was not extended'));
  const timer = setInterval(extendNow, (leaseSeconds * 1000) / 4).unref();
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** Without the mark it would be done again, so it is worth several tries if the database is down for a moment. */
export async function markDone(mark: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await mark();
    } catch (error) {
      if (tries === 5) throw error;
      await sleep(tries * 500);
    }
  }
}
