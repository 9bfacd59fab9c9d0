import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/**
 * What is measured runs on one half of the cores; Postgres and whatever makes the load on the other. A bare loop
 * needs neither, so without this it would have cores to itself that a server must share.
 * @returns `servers`: the words that a server's command line begins with; `names`: what to tell the reader; both empty
 *   where there is only one core, or no `taskset`
 */
export function divideCores() {
  const cores = availableParallelism();
  const half = Math.floor(cores / 2);
  if (half === 0) return { servers: [], names: '' };
  const [first, second] = [range(0, half - 1), range(half, cores - 1)];
  try {
    // This process, all its threads, and what it starts from now on.
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', second, String(process.pid)], { stdio: 'ignore' });
  } catch {
    return { servers: [], names: '' };
  }
  return { servers: ['taskset', '--cpu-list', first], names: `servers on core ${first}, the load on ${second}` };
}

function range(from, to) {
  return from === to ? String(from) : `${from}-${to}`;
}
