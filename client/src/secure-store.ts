import type { Storage } from './storage.js';

/** The used part of `expo-secure-store`. */
export type SecureStore = {
  getItemAsync(key: string): Promise<string | null>;
  setItemAsync(key: string, value: string): Promise<unknown>;
  deleteItemAsync(key: string): Promise<unknown>;
};

// Some devices refuse values over 2,048 bytes. Everything stored is ASCII: one byte per character.
const partLength = 2000;
// A session with the most roles has three parts.
const maxLost = 8;

function partKeys(key: string, turn: string, count: number): string[] {
  return Array.from({ length: count }, (_, part) => `${key}.${turn}.${part}`);
}

/**
 * Stores the session in the Keychain or Keystore by Expo's SecureStore. A value is cut into parts, and the entry that
 * names them is written last: an app that is killed half-way finds the complete old value.
 */
export function secureStore(store: SecureStore): Storage {
  const partsOf = async (key: string) => {
    const [, turn = '', count = '0'] = /^([ab])\.(\d{1,2})$/.exec((await store.getItemAsync(key)) ?? '') ?? [];
    return { turn, keys: partKeys(key, turn, Number(count)) };
  };
  // After a restored backup or a changed lock, nothing can be decrypted: delete all that may be there.
  const partsToForget = (key: string) =>
    partsOf(key).catch(() => ({ turn: '', keys: [...partKeys(key, 'a', maxLost), ...partKeys(key, 'b', maxLost)] }));
  const forget = (keys: string[]) => Promise.all(keys.map((key) => store.deleteItemAsync(key)));
  return {
    async get(key) {
      const { keys } = await partsOf(key);
      const parts = await Promise.all(keys.map((part) => store.getItemAsync(part)));
      return parts.length === 0 || parts.includes(null) ? null : parts.join('');
    },
    async set(key, value) {
      const old = await partsToForget(key);
      const turn = old.turn === 'a' ? 'b' : 'a';
      const parts = value.match(new RegExp(`[^]{1,${partLength}}`, 'g')) ?? [];
      await Promise.all(parts.map((part, number) => store.setItemAsync(`${key}.${turn}.${number}`, part)));
      await store.setItemAsync(key, `${turn}.${parts.length}`);
      const written = partKeys(key, turn, parts.length);
      await forget(old.keys.filter((part) => !written.includes(part)));
    },
    async remove(key) {
      const { keys } = await partsToForget(key);
      await forget([key, ...keys]);
    },
  };
}
