/** Where a session is stored. Each method may answer at once or with a promise. */
export interface Storage {
  get(key: string): string | null | undefined | Promise<string | null | undefined>;
  set(key: string, value: string): unknown;
  remove(key: string): unknown;
  /** True if other tabs see the same values: then they refresh one at a time and notice each other's changes. */
  readonly shared?: boolean;
}

/** The common part of `localStorage` and React Native's AsyncStorage. */
export type ItemStore = {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
  removeItem(key: string): unknown;
};

/** Forgets everything when the page or process ends. No other tab or process can see it. */
export function memoryStorage(): Storage {
  const values = new Map<string, string>();
  return {
    get: (key) => values.get(key),
    set: (key, value) => values.set(key, value),
    remove: (key) => values.delete(key),
  };
}

/**
 * Keeps the session over reloads, for all tabs of the origin.
 * @param store `localStorage`. Not `sessionStorage`: a duplicated tab gets a copy, and two copies of one refresh token
 * look like theft
 */
export function webStorage(store: ItemStore): Storage {
  return { ...asyncStorage(store), shared: true };
}

/** Keeps the session in React Native's AsyncStorage, without encryption: see {@link secureStore}. */
export function asyncStorage(store: ItemStore): Storage {
  return {
    get: (key) => store.getItem(key),
    set: (key, value) => store.setItem(key, value),
    remove: (key) => store.removeItem(key),
  };
}
