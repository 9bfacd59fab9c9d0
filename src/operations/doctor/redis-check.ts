import type { Config } from '../../config.js';
import { oneLine } from '../../platform/cli/answer.js';
import { type Finding, ok, problem } from '../../platform/cli/finding.js';

export async function checkRedis({ redisUrl }: Config['limits']): Promise<Finding[]> {
  if (redisUrl === undefined) return [];
  // Loaded only where it is used.
  const { openRedis } = await import('../../platform/db/redis.js');
  const { client, trouble } = await openRedis(redisUrl);
  const found = trouble();
  client.disconnect();
  if (!found) return [ok('Redis', 'connected')];
  const mend = 'Correct REDIS_URL: until then each instance counts limits for itself.';
  return [problem('Redis', oneLine(found), mend)];
}
