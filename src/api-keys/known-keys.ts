import { timingSafeEqual } from 'node:crypto';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { keyRememberedFor } from '../sessions/end-api-keys.js';
import type { PresentedKey } from './format.js';

const maxKnown = 5_000;

type KnownKey = { secretHash: Buffer; claims: AccessClaims; askAgainAt: number };

/** Keys that were good when they were looked up, for a while. The caller must still ask for revocations. */
export function createKnownKeys() {
  const known = new Map<string, KnownKey>();
  return {
    get({ id, secretHash }: PresentedKey): AccessClaims | undefined {
      const found = known.get(id);
      if (!found || !timingSafeEqual(found.secretHash, secretHash)) return undefined;
      if (performance.now() < found.askAgainAt && found.claims.exp > Date.now() / 1000) return found.claims;
      known.delete(id);
      return undefined;
    },
    add({ id, secretHash }: PresentedKey, claims: AccessClaims): void {
      known.delete(id);
      const [oldest] = known.keys();
      if (known.size >= maxKnown && oldest !== undefined) known.delete(oldest);
      known.set(id, { secretHash, claims, askAgainAt: performance.now() + keyRememberedFor * 1000 });
    },
    forget(id: string): void {
      known.delete(id);
    },
  };
}
