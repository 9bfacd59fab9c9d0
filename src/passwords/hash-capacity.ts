import { availableParallelism, totalmem } from 'node:os';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { cgroupLimits } from '../platform/process/cgroup.js';
import type { Expense } from '../platform/process/gate.js';
import { expenseOf, fitsInto } from './hash-cost.js';

export type HashCapacity = {
  concurrency: number;
  queueLimit: number;
  memoryBytes: number;
  /** What one comparison with a stored hash may cost. */
  ceiling: Expense;
};

export function hashCapacity({ hashes, passwords }: Config, log: Logger): HashCapacity {
  const { queueLimit, poolThreads } = hashes;
  const { cores = Number.POSITIVE_INFINITY, memoryBytes = Number.POSITIVE_INFINITY } = cgroupLimits();
  const memory = Math.min(memoryBytes, totalmem());
  const ownExpense = expenseOf(passwords.cost);
  const memoryPerHashBytes = ownExpense.memoryBytes;
  const concurrency =
    hashes.concurrency ??
    hashConcurrency({
      cores: Math.min(cores, availableParallelism()),
      memoryBytes: memory,
      memoryPerHashBytes,
      poolThreads,
    });
  if (concurrency > poolThreads - freeThreads)
    log.warn({ concurrency, threads: poolThreads }, 'hashes may take every thread: raise UV_THREADPOOL_SIZE');
  const ceiling = hashCeiling(memory);
  if (!fitsInto(ownExpense, ceiling))
    log.warn({ seconds: ownExpense.milliseconds / 1000 }, 'PASSWORD_HASH costs much for this machine: lower it');
  return { concurrency, queueLimit, memoryBytes: Math.max(memory / 4, concurrency * memoryPerHashBytes), ceiling };
}

/** A quarter of the memory, and about a second: a stranger who knows a username can make this server compute its hash. */
export function hashCeiling(memoryBytes: number): Expense {
  return { memoryBytes: memoryBytes / 4, milliseconds: 1000 };
}

/** Threads of libuv's pool that hashes leave free. */
const freeThreads = 2;

/**
 * How many hashes may run at once: one per core, in at most a quarter of the memory, with two threads of libuv's pool
 * left for `dns`, `fs` and async `crypto` (with the defaults these wait 0.4–2.9 s behind a hundred hashes).
 * @param machine what this process may use. A fraction of a core is rounded down: a process that has used up its share
 * is stopped completely, with its event loop
 */
export function hashConcurrency(machine: {
  cores: number;
  memoryBytes: number;
  memoryPerHashBytes: number;
  poolThreads: number;
}): number {
  const { cores, memoryBytes, memoryPerHashBytes, poolThreads } = machine;
  const fitting = Math.floor(memoryBytes / 4 / memoryPerHashBytes);
  return Math.max(1, Math.min(Math.floor(cores), fitting, poolThreads - freeThreads));
}
