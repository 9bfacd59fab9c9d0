import { availableParallelism, totalmem } from 'node:os';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { cgroupLimits } from '../platform/process/cgroup.js';
import { freeThreads, hashConcurrency } from '../platform/process/gate.js';

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
