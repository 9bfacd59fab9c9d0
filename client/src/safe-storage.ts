import type { Storage } from './storage.js';

/** A storage that never fails: what it cannot write stays in memory. */
export type SafeStorage = {
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<void>;
  remove(key: string): Promise<void>;
  readonly shared: boolean;
};

/** A value that could not be written, and the older one that may still be stored. */
type Unsaved = { value: string | null; stale: string | null };

/**
 * A full `localStorage` must not cost the session, and a Keychain that cannot decrypt any more must not lock the user
 * out.
 * @param onFailure at the first write that failed
 */
export function createSafeStorage(storage: Storage, onFailure: (error: unknown) => void): SafeStorage {
  const unsaved = new Map<string, Unsaved>();
  let told = false;

  async function read(key: string): Promise<string | null> {
    try {
      const found = await storage.get(key);
      return typeof found === 'string' ? found : null;
    } catch {
      await drop(key);
      return null;
    }
  }

  async function drop(key: string): Promise<void> {
    try {
      await storage.remove(key);
    } catch {
      // It stays, and is read as nothing or replaced.
    }
  }

  async function keep(key: string, value: string | null, error: unknown): Promise<void> {
    unsaved.set(key, { value, stale: await read(key) });
    if (!told) onFailure(error);
    told = true;
  }

  return {
    shared: storage.shared ?? false,
    async get(key) {
      const found = await read(key);
      const kept = unsaved.get(key);
      // Another tab has written since.
      if (kept && found !== null && found !== kept.stale) unsaved.delete(key);
      const still = unsaved.get(key);
      return still ? still.value : found;
    },
    async set(key, value) {
      try {
        await storage.set(key, value);
      } catch {
        // Without the old value there may be room. And a replaced refresh token must not be used again later.
        await drop(key);
        try {
          await storage.set(key, value);
        } catch (error) {
          await drop(key);
          return keep(key, value, error);
        }
      }
      unsaved.delete(key);
    },
    async remove(key) {
      try {
        await storage.remove(key);
        unsaved.delete(key);
      } catch (error) {
        await keep(key, null, error);
      }
    },
  };
}
