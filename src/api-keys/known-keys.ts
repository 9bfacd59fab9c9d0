import { timingSafeEqual } from 'node:crypto';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { keyRememberedFor } from '../sessions/end-api-keys.js';
import type { PresentedKey } from './format.js';

const maxKnown = 5_000;

type KnownKey = { secretHash: Buffer; claims: AccessClaims; oldAt: number; oldAtByClock: number };

/** @property isOld the database must be asked again */
export type FoundKey = { claims: AccessClaims; isOld: boolean };

/** Keys that were good when they were looked up. The caller must still ask for revocations. */
export function createKnownKeys() {
  const known = new Map<string, KnownKey>();
  return {
    get({ id, secretHash }: PresentedKey): FoundKey | undefined {
      const found = known.get(id);
      if (!found || !timingSafeEqual(found.secretHash, secretHash)) return undefined;
      const { claims, oldAt, oldAtByClock } = found;
      const now = Date.now();
      // A machine that sleeps stops the one clock, and the endings of that time may be forgotten when it wakes.
      if (claims.exp > now / 1000) return { claims, isOld: performance.now() >= oldAt || now >= oldAtByClock };
      known.delete(id);
      return undefined;
    },
    add({ id, secretHash }: PresentedKey, claims: AccessClaims): void {
      known.delete(id);
      const [oldest] = known.keys();
      if (known.size >= maxKnown && oldest !== undefined) known.delete(oldest);
      const milliseconds = keyRememberedFor * 1000;
      const [oldAt, oldAtByClock] = [performance.now() + milliseconds, Date.now() + milliseconds];
      known.set(id, { secretHash, claims, oldAt, oldAtByClock });
    },
    forget(id: string): void {
      known.delete(id);
    },
  };
}
