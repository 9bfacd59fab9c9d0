import type { Storage } from './storage.js';

/** A storage that never fails: what it cannot write stays in memory. */
export type SafeStorage = {
  get(key: string): Promise<string | null>;
  /** @param value null removes it */
  set(key: string, value: string | null): Promise<void>;
  readonly shared: boolean;
};

/** A value that could not be written, and the older one that may still be stored. */
type Unsaved = [value: string | null, stale: string | null];

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

  async function write(key: string, value: string | null): Promise<void> {
    await (value === null ? storage.remove(key) : storage.set(key, value));
  }

  // What cannot be removed stays, and is read as nothing or replaced.
  const drop = (key: string) => write(key, null).catch(() => {});

  return {
    shared: storage.shared ?? false,
    async get(key) {
      const found = await read(key);
      const [value, stale] = unsaved.get(key) ?? [];
      if (value !== undefined && (found === null || found === stale)) return value;
      // Another tab has written since.
      unsaved.delete(key);
      return found;
    },
    async set(key, value) {
      try {
        // Without the old value there may be room. And a replaced refresh token must not be used again later.
        await write(key, value).catch(() => drop(key).then(() => write(key, value)));
        unsaved.delete(key);
      } catch (error) {
        await drop(key);
        unsaved.set(key, [value, await read(key)]);
        if (!told) onFailure(error);
        told = true;
      }
    },
  };
}
