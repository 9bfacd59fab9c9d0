import type { Locks } from './platform.js';

// A tab's write to localStorage reaches another process a little after the lock does: in Chromium one time in fourteen.
// So a tab that waited for the lock also waits for that; in vain only if the other tab failed.
const arriving = 1_000;
const lookingAgain = 20;

/**
 * Turns by the browser's own locks: runs the work while no other tab runs its own.
 * @param isDone whether another tab has done it already
 * @param patience milliseconds after which the work runs in any case
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

/** @returns once the work has begun; undefined without a lock */
function hold<T>(
  locks: Locks,
  name: string,
  options: { signal: AbortSignal } | { ifAvailable: true },
  work: () => Promise<T>,
): Promise<{ done: Promise<T> } | undefined> {
  return new Promise((resolve) => {
    const granted = async (lock: unknown) => {
      const done = lock ? work() : undefined;
      resolve(done && { done });
      await done;
    };
    // If the work failed, this comes too late, and the caller learns it from `done`.
    locks.request(name, options, granted).catch(() => resolve(undefined));
  });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
