import type { Config } from '../config.js';
import { AppError } from '../errors.js';
import type { Db } from '../platform/db/database.js';
import type { ApiKeyMetrics } from '../platform/telemetry/api-key-metrics.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import type { InstanceSync } from '../sessions/instance-sync.js';
import type { Revocations } from '../sessions/revocations.js';
import { hasChecksum, type PresentedKey, readApiKey } from './format.js';
import { createKnownKeys, type FoundKey } from './known-keys.js';
import { createLastUses, type LastUses } from './last-uses.js';
import { claimsOf, findKey, type OwnClaimsOf } from './look-up.js';

type KeyCheckDeps = {
  db: Db;
  config: Pick<Config, 'apiKeys'>;
  revocations: Revocations;
  instanceSync: InstanceSync;
  metrics: { apiKeys: ApiKeyMetrics };
  ownClaims: OwnClaimsOf;
};

/** What this instance knows of API keys. */
export type KeyChecks = {
  /**
   * What a key opens: from memory, as long as the feed of revocations is heard, else by one statement.
   * @param beforeLookUp runs before a key is looked up that was not good here before; it may refuse by throwing
   * @throws AppError invalid_token, api_key_revoked, token_expired, account_disabled, and as `beforeLookUp`
   */
  check(key: string, beforeLookUp?: () => void): Promise<AccessClaims>;
  /** The same, at once where memory is enough. */
  checkNow(key: string, beforeLookUp?: () => void): AccessClaims | Promise<AccessClaims>;
  /** Remembers a key that another statement has just found good, and that it was used. */
  noteGood(key: PresentedKey, claims: AccessClaims): void;
  uses: LastUses;
};

export function createKeyChecks(deps: KeyCheckDeps): KeyChecks {
  const { db, revocations, instanceSync, metrics } = deps;
  const known = createKnownKeys();
  const uses = createLastUses(deps);

  /** Whether it is good without asking. @throws AppError api_key_revoked, which stays true */
  function isGoodNow({ claims, isOld }: FoundKey): boolean {
    if (isOld || !instanceSync.isFresh() || !revocations.isComplete()) return false;
    const refusal = revocations.checkMemory(claims);
    // If roles or state of the owner have changed, look again.
    if (refusal === undefined || refusal === 'token_stale') return refusal === undefined;
    known.forget(claims.sid);
    throw new AppError('api_key_revoked');
  }

  async function lookUp(key: PresentedKey): Promise<AccessClaims> {
    const claims = claimsOf(await findKey(db, key.id), key, deps.ownClaims);
    // What ended while it was read is in the memory of revocations, which is asked at each use.
    if (revocations.checkMemory(claims) === 'session_revoked') throw new AppError('api_key_revoked');
    known.add(key, claims);
    return claims;
  }

  async function lookUpAgain(key: PresentedKey): Promise<AccessClaims> {
    try {
      return await lookUp(key);
    } catch (error) {
      if (error instanceof AppError) known.forget(key.id);
      throw error;
    }
  }

  function check(text: string, beforeLookUp?: () => void): AccessClaims | Promise<AccessClaims> {
    const key = deps.config.apiKeys.on ? readApiKey(text) : undefined;
    if (!key) return noKey(text, beforeLookUp);
    const found = known.get(key);
    if (found && isGoodNow(found)) return used(key, found.claims, true);
    if (!found) beforeLookUp?.();
    return (found ? lookUpAgain(key) : lookUp(key)).then((claims) => used(key, claims, false), refused);
  }

  /** To compute checksums is to guess. So a made-up key counts like one that was looked up, though none was. */
  function noKey(text: string, beforeLookUp?: () => void): Promise<never> {
    const error = new AppError('invalid_token');
    if (!deps.config.apiKeys.on || !hasChecksum(text)) throw error;
    beforeLookUp?.();
    return Promise.reject(error).catch(refused);
  }

  function used({ id }: PresentedKey, claims: AccessClaims, cached: boolean): AccessClaims {
    uses.note(id);
    metrics.apiKeys.checked('good', cached);
    return claims;
  }

  function refused(error: unknown): never {
    if (error instanceof AppError && error.code !== 'rate_limited') metrics.apiKeys.checked(error.code, false);
    throw error;
  }

  function checkNow(text: string, beforeLookUp?: () => void): AccessClaims | Promise<AccessClaims> {
    try {
      return check(text, beforeLookUp);
    } catch (error) {
      return refused(error);
    }
  }

  return {
    check: async (text, beforeLookUp) => checkNow(text, beforeLookUp),
    checkNow,
    noteGood(key, claims) {
      known.add(key, claims);
      uses.note(key.id);
    },
    uses,
  };
}
