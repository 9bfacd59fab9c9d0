import type { SafeStorage } from './safe-storage.js';
import { areTexts, isText, parseJson } from './stored-session.js';

// Enough for a family's tablet, without collecting every user who was ever here.
const max = 10;

/**
 * The device tokens, by login name. They outlive the session: a known device is not locked out by another person's
 * guesses.
 */
export type Devices = {
  tokenFor(name: string): Promise<string | undefined>;
  remember(names: (string | null | undefined)[], token: string): Promise<void>;
};

type Device = [name: string, token: string];

export function createDevices(storage: SafeStorage, key: string): Devices {
  async function all(): Promise<Device[]> {
    const stored = parseJson(await storage.get(key));
    return Array.isArray(stored) ? (stored.filter(areTexts) as Device[]) : [];
  }
  return {
    tokenFor: async (name) => new Map(await all()).get(name.toLowerCase()),
    async remember(names, token) {
      const now = new Map(names.filter(isText).map((name): Device => [name.toLowerCase(), token]));
      const others = (await all()).filter(([name]) => !now.has(name));
      await storage.set(key, JSON.stringify([...now, ...others].slice(0, max)));
    },
  };
}
