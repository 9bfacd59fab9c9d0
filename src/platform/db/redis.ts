import { Redis } from 'ioredis';
import { TIME_LIMITS, withinTimeLimit } from './time-limits.js';

export type RedisConnection = {
  client: Redis;
  /** Why it is not connected, for the operator. Not the library's error: that has the command, and so the password. */
  trouble(): Error | undefined;
};

/** Reconnects by itself. While Redis is down, each command fails at once; on a hung server within half a second. */
export async function openRedis(url: string): Promise<RedisConnection> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectionName: 'gatelatch',
    connectTimeout: TIME_LIMITS.connect,
    commandTimeout: 500,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    retryStrategy: (times) => Math.min(times * 100, 1_000),
  });
  let reason = 'no answer in time';
  client.on('error', ({ message }: Error) => {
    reason = message;
  });
  client.on('connect', () => {
    reason = 'it hung up, or did not answer';
  });
  await withinTimeLimit(TIME_LIMITS.connect, client.connect()).catch(() => undefined);
  return { client, trouble: () => (client.status === 'ready' ? undefined : new Error(explained(reason, url))) };
}

function explained(reason: string, url: string): string {
  if (/^(WRONGPASS|NOAUTH|ERR .*\bAUTH\b)/.test(reason))
    return `Redis refuses the user or password in REDIS_URL (${reason})`;
  const hint = url.startsWith('rediss:')
    ? 'if it speaks no TLS, REDIS_URL must begin with redis://'
    : 'if it speaks TLS, REDIS_URL must begin with rediss://';
  return `Redis cannot be used (${reason}); ${hint}`;
}
