import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { constants, getPriority, setPriority } from 'node:os';

const threads = '/proc/self/task';

// So far below the event loop: with a core to share, that gets three quarters of it and hashes one.
const stepsDown = 5;

/** The niceness for threads that hash; undefined where threads have none of their own, which is everywhere but on Linux. */
export function hashNiceness(): number | undefined {
  if (!existsSync(threads)) return undefined;
  return Math.min(getPriority(process.pid) + stepsDown, constants.priority.PRIORITY_LOW);
}

/**
 * Has hashes give way to requests: lowers all threads that this process has but the event loop's own, so that whoever
 * logs in waits for whoever needs no hash and not the other way round. Where nobody else wants the processor it changes
 * nothing. To be called once, at the start.
 */
export async function lowerHelperThreads(): Promise<void> {
  const niceness = hashNiceness();
  if (niceness === undefined) return;
  // Read on libuv's pool, whose threads are all there from its first use on.
  for (const id of (await readdir(threads)).map(Number)) {
    if (id === process.pid) continue;
    try {
      setPriority(id, niceness);
    } catch {
      // It has ended, or something forbids it: then it runs as before.
    }
  }
}
