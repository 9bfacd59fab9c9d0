import type { Storage } from './storage.js';

/** The part of `expo-secure-store` that is used. */
export type SecureStore = {
  getItemAsync(key: string): Promise<string | null>;
  setItemAsync(key: string, value: string): Promise<unknown>;
  deleteItemAsync(key: string): Promise<unknown>;
};

// Some devices refuse values over 2,048 bytes. All that is kept is ASCII, so that a character is a byte.
const partLength = 2000;

/**
 * Keeps the session in the Keychain or the Keystore, through Expo's SecureStore. A value is cut into parts. The entry
 * that names them is written last, so that an app that is ended half-way finds the old value whole.
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
