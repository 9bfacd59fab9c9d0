import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { constants, getPriority, setPriority } from 'node:os';

const threads = '/proc/self/task';

// Five steps: on a shared core, the event loop gets three quarters of the time and hashes one.
const stepsDown = 5;

/** The niceness of hashing threads; undefined except on Linux, where each thread has its own. */
export function hashNiceness(): number | undefined {
  if (!existsSync(threads)) return undefined;
  return Math.min(getPriority(process.pid) + stepsDown, constants.priority.PRIORITY_LOW);
}

/**
 * Lowers the priority of all threads except the event loop's, so that a login waits for other requests, not the
 * reverse. Call it once, at the start.
 */
export async function lowerHelperThreads(): Promise<void> {
  const niceness = hashNiceness();
  if (niceness === undefined) return;
  // Reading the directory starts libuv's pool, so all its threads are in the list.
  for (const id of (await readdir(threads)).map(Number)) {
    if (id === process.pid) continue;
    try {
      setPriority(id, niceness);
    } catch {
      // The thread has ended, or lowering is forbidden: it runs as before.
    }
  }
}
