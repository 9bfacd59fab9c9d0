import { Redis } from 'ioredis';
import { TIME_LIMITS, withinTimeLimit } from './time-limits.js';

export type { Redis };

/**
 * A connection to Redis, which comes back by itself. A Redis that is away hinders nothing: this then waits for two
 * seconds, each command fails at once, and one on a hung server within half a second.
 */
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
  // Whoever counts hears of failures by their commands; without a listener they would be printed as well.
  redis.on('error', () => undefined);
  await withinTimeLimit(TIME_LIMITS.connect, redis.connect()).catch(() => undefined);
  return redis;
}
