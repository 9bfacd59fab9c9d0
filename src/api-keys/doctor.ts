import type { Config } from '../config.js';
import { type Finding, ok, warning } from '../platform/cli/finding.js';
import type { Database } from '../platform/db/database.js';
import { isLiveKey } from '../sessions/live-api-keys.js';

/** What `doctor` says of API keys. */
export const apiKeyChecks = { database: checkStored };

async function checkStored(
  { apiKeys }: Pick<Config, 'apiKeys'>,
  { client }: Pick<Database, 'client'>,
): Promise<Finding[]> {
  if (!apiKeys.on) return [ok('API keys', 'none is taken: API_KEYS is off')];
  const [found] = await client.$queryRaw<{ live: number; endless: number; unused: number }[]>`
    SELECT count(*)::int AS live, count(*) FILTER (WHERE k.expires_at IS NULL)::int AS endless,
      count(*) FILTER (WHERE coalesce(k.last_used_at, k.created_at) < clock_timestamp() - interval '90 days')::int AS unused
    FROM api_key k JOIN "user" u ON u.id = k.user_id WHERE u.deleted_at IS NULL AND ${isLiveKey}`;
  const { live, endless, unused } = found ?? { live: 0, endless: 0, unused: 0 };
  const state = `${live} live, ${endless} without an end, ${unused} not used for 90 days`;
  if (unused > 0)
    return [
      warning('API keys', state, 'Ask who has them whether they are needed, and end the others: api-keys revoke.'),
    ];
  if (endless > 0 && apiKeys.maxAge !== undefined)
    return [warning('API keys', state, 'Those without an end are older than API_KEY_MAX_AGE: replace them.')];
  return [ok('API keys', state)];
}
