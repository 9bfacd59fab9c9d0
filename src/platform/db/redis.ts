import { Redis } from 'ioredis';
import { TIME_LIMITS, withinTimeLimit } from './time-limits.js';

export type { Redis };

/** Reconnects by itself. While Redis is down, each command fails at once; on a hung server within half a second. */
export async function openRedis(url: string): Promise<Redis> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectionName: 'gatelatch',
    connectTimeout: TIME_LIMITS.connect,
    commandTimeout: 500,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: (times) => Math.min(times * 100, 1_000),
  });
  // Failures reach the caller through their commands; without a listener they would also be printed.
  redis.on('error', () => undefined);
  await withinTimeLimit(TIME_LIMITS.connect, redis.connect()).catch(() => undefined);
  return redis;
}
