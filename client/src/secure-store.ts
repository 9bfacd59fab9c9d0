import type { Storage } from './storage.js';

/** The used part of `expo-secure-store`. */
export type SecureStore = {
  getItemAsync(key: string): Promise<string | null>;
  setItemAsync(key: string, value: string): Promise<unknown>;
  deleteItemAsync(key: string): Promise<unknown>;
};

// Some devices refuse values over 2,048 bytes. Everything stored is ASCII: one byte per character.
const partLength = 2000;

/**
 * Stores the session in the Keychain or Keystore by Expo's SecureStore. A value is cut into parts, and the entry that
 * names them is written last: an app that is killed half-way finds the complete old value.
 */
export function secureStore(store: SecureStore): Storage {
  const partsOf = async (key: string) => {
    const [turn = '', count = '0'] = (await store.getItemAsync(key))?.split('.') ?? [];
    return { turn, keys: Array.from({ length: Number(count) }, (_, part) => `${key}.${turn}.${part}`) };
  };
  const forget = (keys: string[]) => Promise.all(keys.map((key) => store.deleteItemAsync(key)));
  return {
    async get(key) {
      const { keys } = await partsOf(key);
      const parts = await Promise.all(keys.map((part) => store.getItemAsync(part)));
      return parts.length === 0 || parts.includes(null) ? null : parts.join('');
    },
    async set(key, value) {
      const old = await partsOf(key);
      const turn = old.turn === 'a' ? 'b' : 'a';
      const parts = value.match(new RegExp(`[^]{1,${partLength}}`, 'g')) ?? [];
      await Promise.all(parts.map((part, number) => store.setItemAsync(`${key}.${turn}.${number}`, part)));
      await store.setItemAsync(key, `${turn}.${parts.length}`);
      await forget(old.keys);
    },
    async remove(key) {
      const { keys } = await partsOf(key);
      await forget([key, ...keys]);
    },
  };
}
