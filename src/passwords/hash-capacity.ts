import { availableParallelism, totalmem } from 'node:os';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { cgroupLimits } from '../platform/process/cgroup.js';

/** How many hashes run at once, and how many wait for their turn. */
export type HashCapacity = { concurrency: number; queueLimit: number };

/** By setting; else by what this process may use of the machine, its container's limits counted. */
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

/** Threads of libuv's pool that no hash may have. */
const freeThreads = 2;

/**
 * How many hashes to run at once: as many as there are cores (more only makes each of them slower), fewer where
 * they would take more than a quarter of the memory, or would leave libuv's pool fewer than two threads for `dns`,
 * `fs` and async `crypto` (measured with stock settings: these wait 0.4–2.9 s behind a hundred hashes).
 * @param cores that this process may use: a part of one counts for none, because whoever has used up its share is
 *   stopped as a whole, the event loop too
 * @param memoryBytes what this process may use: the cgroup's limit, else the machine's memory
 * @param memoryPerHashBytes argon2's memory cost, in bytes
 * @param poolThreads libuv's pool: UV_THREADPOOL_SIZE, by default 4
 * @returns at least 1
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
