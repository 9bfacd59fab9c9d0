import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';

/** Below the event loop's 0: with a core to share, it gets three quarters of it and hashes one. */
const helpersNiceness = 5;

/**
 * Has hashes give way to requests: lowers all threads of this process but the event loop's own, so that whoever logs in
 * waits for whoever needs no hash and not the other way round. Where nobody else wants the processor it changes nothing.
 * To be called once all threads are there, which they are as soon as a file was read. On Linux, which knows priorities
 * of single threads; nowhere else.
 */
export function lowerHelperThreads(): void {
  if (process.platform !== 'linux') return;
  for (const id of readdirSync('/proc/self/task').map(Number)) {
    if (id === process.pid) continue;
    try {
      setPriority(id, helpersNiceness);
    } catch {
      // It has ended, or something forbids it: then it runs as before.
    }
  }
}
