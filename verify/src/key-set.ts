import { type CryptoKey, importJWK, type JWK } from 'jose';
import type { Discovery } from './discovery.js';
import { FetchError, fetchJson } from './fetching.js';
import type { Algorithm, Settings } from './options.js';

export type Key = { alg: Algorithm; key: CryptoKey };

/** The public keys of Gatelatch. */
export type KeySet = {
  get(kid: string): Key | undefined;
  /**
   * Fetches the set for a key that is not in it, unless it is younger than this. One fetch at a time.
   * @param restMs milliseconds
   * @throws Error if it cannot be fetched
   */
  lookUp(kid: string, restMs: number): Promise<Key | undefined>;
  /** Fetches the set unless it is younger than this. @throws Error */
  refresh(restMs: number): Promise<void>;
  /** Milliseconds since the set was asked for; Infinity before. */
  age(): number;
};

/** After a failure nobody asks for this long, in milliseconds. */
const restAfterFailure = 1_000;

export function createKeySet(settings: Settings, discovery: Discovery, signal: AbortSignal): KeySet {
  let keys = new Map<string, Key>();
  let askedAt = Number.NEGATIVE_INFINITY;
  let failed: { at: number; error: unknown } | undefined;
  let running: Promise<void> | undefined;

  async function fetchKeys(): Promise<void> {
    const began = performance.now();
    try {
      const set = await fetchJson((await discovery(signal)).keys, { signal });
      keys = await keysIn(set, settings.algorithms);
      askedAt = began;
      failed = undefined;
    } catch (error) {
      failed = { at: performance.now(), error };
      throw error;
    }
  }

  async function refresh(restMs: number): Promise<void> {
    if (running) return running;
    if (performance.now() - askedAt < restMs) return;
    if (failed && performance.now() - failed.at < restAfterFailure) throw failed.error;
    running = fetchKeys().finally(() => {
      running = undefined;
    });
    return running;
  }

  return {
    get: (kid) => keys.get(kid),
    async lookUp(kid, restMs) {
      if (!keys.has(kid)) await refresh(restMs);
      return keys.get(kid);
    },
    refresh,
    age: () => performance.now() - askedAt,
  };
}

/** Those that sign access tokens by a permitted algorithm. @throws FetchError if it is no set of keys */
async function keysIn(set: unknown, algorithms: Algorithm[]): Promise<Map<string, Key>> {
  const listed = (set as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(listed)) throw new FetchError('The JWKS is no JWKS.', {});
  const keys = new Map<string, Key>();
  for (const jwk of listed.slice(0, 100) as JWK[]) {
    const alg = algorithms.find((one) => one === jwk?.alg);
    if (!alg || typeof jwk.kid !== 'string' || (jwk.use ?? 'sig') !== 'sig') continue;
    const { kid, kty, crv, x, y, n, e } = jwk;
    const isOfKind = alg === 'ES256' ? kty === 'EC' && crv === 'P-256' : kty === 'RSA';
    const isPublic = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined);
    if (!isOfKind) continue;
    keys.set(kid, { alg, key: (await importJWK(Object.fromEntries(isPublic) as JWK, alg)) as CryptoKey });
  }
  return keys;
}
