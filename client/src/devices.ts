import type { Storage } from './storage.js';

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

export function createDevices(storage: Storage, key: string): Devices {
  async function all(): Promise<[name: string, token: string][]> {
    try {
      return JSON.parse((await storage.get(key)) ?? '[]');
    } catch {
      return [];
    }
  }
  return {
    tokenFor: async (name) => new Map(await all()).get(name.toLowerCase()),
    async remember(names, token) {
      const now = new Map(names.flatMap((name) => (name ? [[name.toLowerCase(), token]] : [])) as [string, string][]);
      const others = (await all()).filter(([name]) => !now.has(name));
      await storage.set(key, JSON.stringify([...now, ...others].slice(0, max)));
    },
  };
}
