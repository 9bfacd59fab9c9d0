import type { Locks } from './platform.js';

// What one tab writes to localStorage reaches another's process a little later than the lock does: in Chromium, one time
// in fourteen. So who had to wait for the lock waits for that, too; in vain only where the other tab's try has failed.
const arriving = 1_000;
const lookingAgain = 20;

/**
 * Turns by the browser's own locks: does this work while no other tab does theirs.
 * @param isDone whether another tab has done it already
 * @param patience milliseconds after which it is done in any case
 */
export async function aloneByLock<T>(
  locks: Locks,
  name: string,
  work: () => Promise<T>,
  isDone: () => Promise<boolean>,
  patience: number,
): Promise<T> {
  const atOnce = await hold(locks, name, { ifAvailable: true }, work);
  if (atOnce) return atOnce.done;
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), patience);
  const inTurn = await hold(locks, name, { signal: waiting.signal }, async () => {
    clearTimeout(timer);
    for (let waited = 0; waited < arriving && !(await isDone()); waited += lookingAgain) await pause(lookingAgain);
    return work();
  });
  return inTurn ? inTurn.done : work();
}

/** @returns once the work has begun; undefined where there was no lock to be had */
function hold<T>(
  locks: Locks,
  name: string,
  options: { signal: AbortSignal } | { ifAvailable: true },
  work: () => Promise<T>,
): Promise<{ done: Promise<T> } | undefined> {
  return new Promise((resolve) => {
    const granted = async (lock: unknown) => {
      if (!lock) return resolve(undefined);
      const done = work();
      resolve({ done });
      await done;
    };
    // Where the work failed it is too late for this, and who waits for `done` knows.
    locks.request(name, options, granted).catch(() => resolve(undefined));
  });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
