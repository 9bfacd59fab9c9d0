import type { Config } from '../config.js';
import { AppError } from '../errors.js';
import type { Db } from '../platform/db/database.js';
import type { ApiKeyMetrics } from '../platform/telemetry/api-key-metrics.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import type { InstanceSync } from '../sessions/instance-sync.js';
import type { Revocations } from '../sessions/revocations.js';
import { type PresentedKey, readApiKey } from './format.js';
import { createKnownKeys } from './known-keys.js';
import { createLastUses, type LastUses } from './last-uses.js';
import { claimsOf, findKey } from './look-up.js';

type KeyCheckDeps = {
  db: Db;
  config: Pick<Config, 'apiKeys'>;
  revocations: Revocations;
  instanceSync: InstanceSync;
  metrics: { apiKeys: ApiKeyMetrics };
};

/** What this instance knows of API keys. */
export type KeyChecks = {
  /**
   * What a key opens: from memory, as long as the feed of revocations is heard, else by one statement.
   * @param beforeLookUp runs before a key that is not in memory is looked up; it may refuse by throwing
   * @throws AppError invalid_token, api_key_revoked, token_expired, account_disabled, and as `beforeLookUp`
   */
  check(key: string, beforeLookUp?: () => void): Promise<AccessClaims>;
  /** Remembers a key that another statement has just found good, and that it was used. */
  noteGood(key: PresentedKey, claims: AccessClaims): void;
  uses: LastUses;
};

export function createKeyChecks(deps: KeyCheckDeps): KeyChecks {
  const { db, revocations, instanceSync, metrics } = deps;
  const known = createKnownKeys();
  const uses = createLastUses(deps);

  /** Good without asking. @throws AppError api_key_revoked, which stays true */
  function remembered(key: PresentedKey): AccessClaims | undefined {
    const claims = known.get(key);
    if (!claims || !instanceSync.isFresh() || !revocations.isComplete()) return undefined;
    const refusal = revocations.checkMemory(claims);
    if (refusal === undefined) return claims;
    known.forget(key.id);
    // Roles or state of the owner have changed: look again.
    if (refusal === 'token_stale') return undefined;
    throw new AppError('api_key_revoked');
  }

  async function lookUp(key: PresentedKey): Promise<AccessClaims> {
    const claims = claimsOf(await findKey(db, key.id), key);
    // What ended while it was read is in the memory of revocations, which is asked at each use.
    if (revocations.checkMemory(claims) === 'session_revoked') throw new AppError('api_key_revoked');
    known.add(key, claims);
    return claims;
  }

  async function check(text: string, beforeLookUp?: () => void): Promise<AccessClaims> {
    const key = deps.config.apiKeys.on ? readApiKey(text) : undefined;
    if (!key) throw new AppError('invalid_token');
    const claims = remembered(key);
    if (claims) {
      uses.note(key.id);
      metrics.apiKeys.checked('good', true);
      return claims;
    }
    beforeLookUp?.();
    const found = await lookUp(key);
    uses.note(key.id);
    metrics.apiKeys.checked('good', false);
    return found;
  }

  return {
    async check(text, beforeLookUp) {
      try {
        return await check(text, beforeLookUp);
      } catch (error) {
        if (error instanceof AppError && error.code !== 'rate_limited') metrics.apiKeys.checked(error.code, false);
        throw error;
      }
    },
    noteGood(key, claims) {
      known.add(key, claims);
      uses.note(key.id);
    },
    uses,
  };
}
