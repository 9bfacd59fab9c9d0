import { createHash } from 'node:crypto';
import type { AccessClaims } from './access-claims.js';
import { idOfApiKey } from './api-key-format.js';
import { claimsOfKey } from './claims.js';
import type { Discovery } from './discovery.js';
import { FetchError, fetchJson } from './fetching.js';
import { asObject } from './jws.js';
import type { Settings } from './options.js';
import { createQuestions } from './questions.js';
import { TokenError } from './refusals.js';
import type { HashedIds, RevocationMemory } from './revocation-memory.js';
import { createTelling } from './telling.js';
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

type Good = { until: number; ids: HashedIds; claims: AccessClaims };

/** In milliseconds: what is good, and what is not. */
const rememberedFor = { good: 60_000, bad: 5_000 };

/** How long a question may take, in milliseconds. */
const patience = 2_000;

export function createApiKeys({ settings, discovery, memory, hashId, isHeard, signal }: ApiKeyDeps): ApiKeys {
  const good = createVerifiedTokens<Good>(5_000);
  /** Until when a key is not asked about again. Apart, so that made-up keys push out no good one. */
  const bad = createVerifiedTokens<number>(1_000);
  const asking = new Map<string, Promise<AccessClaims | undefined>>();
  const questions = createQuestions();
  const tell = createTelling(settings.log);

  async function ask(key: string, id: string): Promise<AccessClaims | undefined> {
    const headers = { authorization: `Bearer ${settings.apiKey}` };
    const form = { token: key, token_type_hint: 'access_token' };
    const { introspection } = await discovery(signal);
    const answer = asObject(await fetchJson(introspection, { headers, form, signal, within: patience }));
    if (answer?.active === false) return undefined;
    const claims = answer && claimsOfKey(answer, settings);
    if (claims?.sid !== id) throw new FetchError('Introspection told of something else than the key.', {});
    return claims;
  }

  const isStale = (claims: AccessClaims) => memory.refusalOf(claims, idsOf(claims)) === 'token_stale';

  /** An instance that answers may know less than the list. @throws TokenError if it still does when asked again */
  async function askForNewest(key: string, id: string): Promise<AccessClaims | undefined> {
    const first = await ask(key, id);
    const claims = first && isStale(first) ? await ask(key, id) : first;
    if (claims && isStale(claims)) throw new TokenError('temporarily_unavailable', { retryAfter: 1 });
    return claims;
  }

  function idsOf({ sid, sub }: AccessClaims): HashedIds {
    return { sid: hashId(sid), sub: hashId(sub) };
  }

  function remember(digest: string, claims: AccessClaims | undefined): void {
    const now = performance.now();
    if (claims) good.add(digest, { until: now + rememberedFor.good, ids: idsOf(claims), claims });
    else bad.add(digest, now + rememberedFor.bad);
  }

  function lookUp(key: string, id: string, digest: string): Promise<AccessClaims | undefined> {
    const running = asking.get(digest);
    if (running) return running;
    const question = questions
      .ask(good.get(digest) !== undefined, () => askForNewest(key, id))
      .then((claims) => {
        remember(digest, claims);
        return claims;
      })
      .finally(() => asking.delete(digest));
    asking.set(digest, question);
    return question;
  }

  /** Claims, or null for a key that is not good; undefined if Gatelatch must be asked. */
  function remembered(digest: string): AccessClaims | null | undefined {
    const now = performance.now();
    if ((bad.get(digest) ?? 0) > now) return null;
    const found = good.get(digest);
    if (!found || found.until <= now) return undefined;
    // Roles or state of the owner have changed: ask again.
    return isHeard() && !memory.refusalOf(found.claims, found.ids) ? found.claims : undefined;
  }

  function undecided(error: unknown): TokenError {
    if (error instanceof TokenError) return error;
    const { status, retryAfter } = error instanceof FetchError ? error : {};
    const why = status === 401 || status === 403 ? ' Is `apiKey` good, and has it `tokens:introspect`?' : '';
    tell(`@gatelatch/verify: API keys cannot be checked. ${(error as Error).message}${why}`);
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
      const claims = found === undefined ? await settled(key, id, digest) : found;
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
