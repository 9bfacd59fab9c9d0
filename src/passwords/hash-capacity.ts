import { availableParallelism, totalmem } from 'node:os';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { cgroupLimits } from '../platform/process/cgroup.js';

export type HashCapacity = { concurrency: number; queueLimit: number };

export function hashCapacity({ hashes, passwords }: Config, log: Logger): HashCapacity {
  const { queueLimit, poolThreads } = hashes;
  const { cores = Number.POSITIVE_INFINITY, memoryBytes = Number.POSITIVE_INFINITY } = cgroupLimits();
  const concurrency =
    hashes.concurrency ??
    hashConcurrency({
      cores: Math.min(cores, availableParallelism()),
      memoryBytes: Math.min(memoryBytes, totalmem()),
      memoryPerHashBytes: passwords.cost.memoryKiB * 1024,
      poolThreads,
    });
  if (concurrency > poolThreads - freeThreads)
    log.warn({ concurrency, threads: poolThreads }, 'hashes may take every thread: raise UV_THREADPOOL_SIZE');
  return { concurrency, queueLimit };
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
