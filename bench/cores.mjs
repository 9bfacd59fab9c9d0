import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/**
 * The server under test runs on one half of the cores; Postgres and the load generator on the other. A bare loop needs
 * neither: otherwise it would have all cores.
 * @returns `servers`: the start of a server's command line; `names`: for the reader; both empty with only one core or
 * without `taskset`
 */
export function divideCores() {
  const cores = availableParallelism();
  const half = Math.floor(cores / 2);
  if (half === 0) return { servers: [], names: '' };
  const [first, second] = [range(0, half - 1), range(half, cores - 1)];
  try {
    // This process with all threads and later children.
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', second, String(process.pid)], { stdio: 'ignore' });
  } catch {
    return { servers: [], names: '' };
  }
  return { servers: ['taskset', '--cpu-list', first], names: `servers on core ${first}, the load on ${second}` };
}

function range(from, to) {
  return from === to ? String(from) : `${from}-${to}`;
}
