import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AccessClaims } from './access-claims.js';
import { isApiKey } from './api-key-format.js';
import { createApiKeys } from './api-keys.js';
import { claimsOfToken } from './claims.js';
import { type Demands, permissionIn } from './demands.js';
import { createDiscovery } from './discovery.js';
import { createFeed } from './feed.js';
import { type Header, headerOf, payloadOf } from './jws.js';
import { createKeySet, type Key } from './key-set.js';
import { createOpening } from './opening.js';
import { settingsOf, type VerifierOptions } from './options.js';
import { inRealm, TokenError } from './refusals.js';
import { type AskingRequest, tokenIn } from './request.js';
import { createHashId, createRevocationMemory, type HashedIds } from './revocation-memory.js';
import { createVerifiedTokens } from './verified-tokens.js';

export type Verifier = {
  /**
   * Resolves once keys and list are there. Requests that come before wait for at most 3 seconds.
   * @param within seconds, by default 30
   * @throws Error that says what is missing
   */
  ready(within?: number): Promise<void>;
  /**
   * Checks an access token, or an API key where `apiKey` is given.
   * @param demands.permission what the token must have in its scope
   * @throws TokenError why it opens nothing; with status 503 where that cannot be known now
   */
  verify(token: string, demands?: Demands): Promise<AccessClaims>;
  /** The same for the token of a request: from `Authorization: Bearer`, or the cookie of the options. */
  verifyRequest(request: AskingRequest, demands?: Demands): Promise<AccessClaims>;
  /** How old the list of endings is, in milliseconds: Infinity before the first, 0 where `revocations` is `off`. */
  lag(): number;
  /** Stops listening. From then on nothing is accepted. */
  close(): void;
};

type Verified = { claims: AccessClaims & { exp: number }; kid: string; ids: HashedIds };

/** How long a request waits for the first keys and list, in milliseconds, and how many may. */
const start = { patience: 3_000, mostWaiting: 1_000 };

/** Without a list, the keys are fetched anew after the first time; past the second, nothing is accepted. Milliseconds. */
const keysAge = { renewed: 300_000, longest: 600_000 };

/** Unknown keys in tokens make a fetch at most so often, in milliseconds. */
const restBetweenKeys = { named: 1_000, unnamed: 10_000 };

/** No token is longer: it must fit into the headers of a request. */
const longestToken = 16_384;

/**
 * Checks the access tokens of a Gatelatch, and hears of what has ended there. It begins to listen at once; one is enough
 * for a process.
 * @throws TypeError for a wrong option
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const settings = settingsOf(options);
  const closing = new AbortController();
  const { signal } = closing;
  // Each request that is under way listens.
  setMaxListeners(0, signal);
  const discovery = createDiscovery(settings);
  const keys = createKeySet(settings, discovery, signal);
  const memory = createRevocationMemory(settings.clockTolerance);
  const hashId = createHashId(settings.issuer);
  const verified = createVerifiedTokens<Verified>(5_000);
  const hasList = settings.revocations !== 'off';
  const feed = hasList ? createFeed({ settings, discovery, keys, memory, signal }) : undefined;

  const isYoung = () => !feed || feed.age() <= settings.maxStaleness;
  const mayBeOld = () => settings.onStale === 'accept' && feed?.age() !== Number.POSITIVE_INFINITY;
  const isHeard = () => isYoung() || mayBeOld();
  const apiKeys = createApiKeys({ settings, discovery, memory, hashId, isHeard, signal });

  let hasToldAge = false;

  let trouble: unknown;
  const opening = createOpening(start.mostWaiting);
  void begin().then(opening.open);

  async function begin(): Promise<void> {
    if (feed) return feed.whole;
    while (keys.age() === Number.POSITIVE_INFINITY && !signal.aborted)
      await keys.refresh(keysAge.renewed).catch((error) => {
        trouble = error instanceof Error ? error.message : error;
        return sleep(250);
      });
  }

  async function waitUntilReady(): Promise<void> {
    if (opening.isOpen()) return;
    try {
      await opening.wait(start.patience);
    } catch (cause) {
      throw undecided('Keys and list of endings are not there yet.', cause);
    }
  }

  async function keyOf({ kid }: Header): Promise<Key | undefined> {
    // What no list names is not asked for: forged tokens must not make requests.
    if (feed && !feed.hasKey(kid) && isYoung()) return undefined;
    try {
      if (!feed && keys.age() > keysAge.longest) await keys.refresh(0);
      return await keys.lookUp(kid, feed?.hasKey(kid) ? restBetweenKeys.named : restBetweenKeys.unnamed);
    } catch (cause) {
      throw undecided('The keys cannot be fetched right now.', cause);
    }
  }

  async function open(token: string): Promise<Verified> {
    const header = token.length <= longestToken ? headerOf(token, 'at+jwt') : undefined;
    const isPossible = header && settings.algorithms.some((alg) => alg === header.alg);
    if (isPossible) await waitUntilReady();
    const key = isPossible ? await keyOf(header) : undefined;
    const payload = header && key && (await payloadOf(token, header, key));
    if (!header || !payload) throw new TokenError('invalid_token', { detail: 'The issuer did not sign the token.' });
    const claims = claimsOfToken(payload, settings) as Verified['claims'];
    const found = { claims, kid: header.kid, ids: { sid: hashId(claims.sid), sub: hashId(claims.sub) } };
    verified.add(token, found);
    return found;
  }

  /** What changes with time, for each request anew. */
  async function checkNow({ claims, kid, ids }: Verified): Promise<void> {
    if (claims.exp + settings.clockTolerance / 1000 <= Date.now() / 1000) throw new TokenError('token_expired');
    if (!feed) return checkKeyWithoutList(kid);
    const refusal = memory.refusalOf(claims, ids);
    if (refusal) throw new TokenError(refusal);
    if (isYoung()) hasToldAge = false;
    else acceptOld();
    if (!feed.hasKey(kid)) throw new TokenError('invalid_token', { detail: 'The key of the token was revoked.' });
  }

  async function checkKeyWithoutList(kid: string): Promise<void> {
    if (keys.age() > keysAge.renewed) {
      const renewing = keys.refresh(restBetweenKeys.unnamed);
      if (keys.age() <= keysAge.longest) renewing.catch(() => undefined);
      else
        await renewing.catch((cause) => {
          throw undecided('The keys cannot be fetched right now.', cause);
        });
    }
    if (!keys.get(kid)) throw new TokenError('invalid_token', { detail: 'The key of the token was revoked.' });
  }

  function acceptOld(): void {
    if (!mayBeOld()) throw undecided('The list of endings is too old.', feed?.trouble());
    if (hasToldAge) return;
    hasToldAge = true;
    settings.log('@gatelatch/verify: the list of endings is too old. Tokens are accepted until they expire (onStale).');
  }

  async function claimsOf(token: string): Promise<AccessClaims> {
    if (signal.aborted) throw undecided('The verifier is closed.');
    // JavaScript may call this with the header that a request does not have.
    if (typeof token !== 'string') throw new TokenError('unauthenticated');
    if (isApiKey(token)) {
      if (settings.apiKey !== undefined) await waitUntilReady();
      return apiKeys.check(token);
    }
    const found = verified.get(token) ?? (await open(token));
    await checkNow(found);
    return found.claims;
  }

  async function checked(found: () => Promise<AccessClaims>, demands: Demands): Promise<AccessClaims> {
    const permission = permissionIn(demands);
    try {
      const claims = await found();
      if (permission !== undefined && !claims.permissions.includes(permission))
        throw new TokenError('forbidden', { detail: `You lack ${permission}.`, scope: permission });
      return claims;
    } catch (error) {
      throw error instanceof TokenError ? inRealm(error, settings.realm) : error;
    }
  }

  return {
    async ready(within = 30) {
      if (signal.aborted) throw new Error('The verifier is closed.');
      await opening.wait(within * 1000).catch(() => {
        throw new Error(`Nothing was heard from ${settings.issuer}. ${feed?.trouble() ?? trouble ?? ''}`.trim());
      });
    },
    verify: (token, demands = {}) => checked(() => claimsOf(token), demands),
    verifyRequest: (request, demands = {}) => checked(async () => claimsOf(tokenIn(request, settings.cookie)), demands),
    lag: () => feed?.age() ?? 0,
    close: () => closing.abort(new Error('The verifier is closed.')),
  };
}

/** Never 401 for what cannot be known. */
function undecided(detail: string, cause?: unknown): TokenError {
  return new TokenError('temporarily_unavailable', { detail, cause });
}
