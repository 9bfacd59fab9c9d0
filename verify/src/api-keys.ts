import { createHash } from 'node:crypto';
import type { AccessClaims } from './access-claims.js';
import { idOfApiKey } from './api-key-format.js';
import { claimsOfKey } from './claims.js';
import type { Discovery } from './discovery.js';
import { FetchError, fetchJson } from './fetching.js';
import { asObject } from './jws.js';
import type { Settings } from './options.js';
import { TokenError } from './refusals.js';
import type { HashedIds, RevocationMemory } from './revocation-memory.js';
import { createVerifiedTokens } from './verified-tokens.js';

/** Checks API keys by asking Gatelatch. */
export type ApiKeys = {
  /** @throws TokenError invalid_token, api_key_revoked, or temporarily_unavailable where it cannot be known */
  check(key: string): Promise<AccessClaims>;
};

type ApiKeyDeps = {
  settings: Settings;
  discovery: Discovery;
  memory: RevocationMemory;
  hashId: (id: string) => string;
  /** Whether endings are heard of; else what is remembered is not believed. */
  isHeard: () => boolean;
  signal: AbortSignal;
};

type Known = { until: number; ids: HashedIds; claims: AccessClaims | undefined };

/** In milliseconds: what is good, and what is not. */
const rememberedFor = { good: 60_000, bad: 5_000 };

/** Questions to Gatelatch at once. */
const maxQuestions = 20;

export function createApiKeys({ settings, discovery, memory, hashId, isHeard, signal }: ApiKeyDeps): ApiKeys {
  const known = createVerifiedTokens<Known>(5_000);
  const asking = new Map<string, Promise<AccessClaims | undefined>>();
  let troubleAt = Number.NEGATIVE_INFINITY;

  async function ask(key: string, id: string): Promise<AccessClaims | undefined> {
    const headers = { authorization: `Bearer ${settings.apiKey}` };
    const form = { token: key, token_type_hint: 'access_token' };
    const { introspection } = await discovery(signal);
    const answer = asObject(await fetchJson(introspection, { headers, form, signal }));
    if (answer?.active === false) return undefined;
    const claims = answer && claimsOfKey(answer, settings);
    if (claims?.sid !== id) throw new FetchError('Introspection told of something else than the key.', {});
    return claims;
  }

  function remember(digest: string, claims: AccessClaims | undefined): void {
    const ids = { sid: hashId(claims?.sid ?? ''), sub: hashId(claims?.sub ?? '') };
    const isOld = claims !== undefined && memory.refusalOf(claims, ids) !== undefined;
    // Another instance answered that does not know yet what we know.
    if (isOld) return;
    known.add(digest, { until: performance.now() + (claims ? rememberedFor.good : rememberedFor.bad), ids, claims });
  }

  function lookUp(key: string, id: string, digest: string): Promise<AccessClaims | undefined> {
    const running = asking.get(digest);
    if (running) return running;
    if (asking.size >= maxQuestions) throw new TokenError('temporarily_unavailable');
    const question = ask(key, id).finally(() => asking.delete(digest));
    asking.set(digest, question);
    return question.then((claims) => {
      remember(digest, claims);
      return claims;
    });
  }

  function remembered(digest: string): Known | undefined {
    const found = known.get(digest);
    if (!found || found.until <= performance.now()) return undefined;
    if (!found.claims) return found;
    // Roles or state of the owner have changed: ask again.
    return isHeard() && !memory.refusalOf(found.claims, found.ids) ? found : undefined;
  }

  function undecided(error: unknown): TokenError {
    if (error instanceof TokenError) return error;
    const { status, retryAfter } = error instanceof FetchError ? error : {};
    if (performance.now() - troubleAt > 60_000) {
      troubleAt = performance.now();
      const why = status === 401 || status === 403 ? ' Is `apiKey` good, and has it `tokens:introspect`?' : '';
      settings.log(`@gatelatch/verify: API keys cannot be checked. ${(error as Error).message}${why}`);
    }
    return new TokenError('temporarily_unavailable', { ...(retryAfter && { retryAfter }), cause: error });
  }

  return {
    async check(key) {
      const id = idOfApiKey(key);
      if (id === undefined) throw new TokenError('invalid_token');
      if (settings.apiKey === undefined)
        throw new TokenError('invalid_token', { detail: 'This service takes no API keys.' });
      if (memory.hasSession(hashId(id))) throw new TokenError('api_key_revoked');
      const digest = createHash('sha256').update(key).digest('base64url');
      const found = remembered(digest);
      const claims = found ? found.claims : await settled(key, id, digest);
      if (!claims) throw new TokenError('invalid_token');
      if ((claims.exp ?? Number.POSITIVE_INFINITY) <= Date.now() / 1000) throw new TokenError('token_expired');
      // It may have ended while it was asked about.
      if (memory.hasSession(hashId(id))) throw new TokenError('api_key_revoked');
      return claims;
    },
  };

  async function settled(key: string, id: string, digest: string): Promise<AccessClaims | undefined> {
    try {
      return await lookUp(key, id, digest);
    } catch (error) {
      throw undecided(error);
    }
  }
}
