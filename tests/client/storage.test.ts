import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asyncStorage, type Storage, secureStore, webStorage } from '../../client/src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { heard, startClient, startSignedIn } from './support/clients.js';

/** The parts of the platforms' storages that the client uses. */
const localStorageLike = (items = new Map<string, string>()) => ({
  getItem: (key: string) => items.get(key) ?? null,
  setItem: (key: string, value: string) => void items.set(key, value),
  removeItem: (key: string) => void items.delete(key),
});
const asyncStorageLike = (items = new Map<string, string>()) => ({
  getItem: async (key: string) => items.get(key) ?? null,
  setItem: async (key: string, value: string) => void items.set(key, value),
  removeItem: async (key: string) => void items.delete(key),
});
/** With the limits of Expo's SecureStore: the characters of its keys, and 2,048 bytes. */
const secureStoreLike = (items = new Map<string, string>()) => ({
  items,
  getItemAsync: async (key: string) => items.get(key) ?? null,
  async setItemAsync(key: string, value: string) {
    if (!/^[\w.-]+$/.test(key)) throw new Error(`Invalid key: ${key}`);
    if (Buffer.byteLength(value) > 2048) throw new Error(`${Buffer.byteLength(value)} bytes`);
    items.set(key, value);
  },
  deleteItemAsync: async (key: string) => void items.delete(key),
});

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

describe.each<[string, () => Storage]>([
  ['localStorage', () => webStorage(localStorageLike())],
  ['AsyncStorage', () => asyncStorage(asyncStorageLike())],
  ['SecureStore', () => secureStore(secureStoreLike())],
])('%s', (_name, create) => {
  it('keeps the session and the device over a restart of the app', async () => {
    const storage = create();
    const first = await startSignedIn(app, { storage });
    const session = await first.session();
    first.close();
    const second = startClient(app, { storage });
    const events = heard(second);
    expect(await second.session()).toEqual(session);
    expect((await second.fetch('/welcome')).status).toBe(200);
    expect(events).toEqual([]);
    await second.logOut();
    expect(await startClient(app, { storage }).session()).toBeNull();
  });
});

describe('SecureStore', () => {
  it('holds a session with the most roles, and nothing of it after the logout', async () => {
    const store = secureStoreLike();
    const storage = secureStore(store);
    const client = await startSignedIn(app, { storage });
    const roles = Array.from({ length: 32 }, (_, n) => `role-${n}`.padEnd(32, 'x'));
    await app.deps.db.user.updateMany({ data: { roles } });
    await client.refresh();
    client.close();
    const later = startClient(app, { storage });
    expect((await later.session())?.user.roles).toEqual(roles);
    const before = [...store.items.keys()].filter((key) => !key.includes('devices'));
    expect(before.length).toBeGreaterThan(2);
    await later.logOut();
    expect([...store.items.keys()].filter((key) => !key.includes('devices'))).toEqual([]);
  });

  it('still has the whole old value if the app ends while it writes the new one', async () => {
    const store = secureStoreLike();
    const storage = secureStore(store);
    const [old, next] = ['o'.repeat(5000), 'n'.repeat(4500)];
    await storage.set('key', old);
    const whole = new Map(store.items);
    for (let writes = 0; writes < 4; writes += 1) {
      const items = new Map(whole);
      let left = writes;
      const dying = secureStore({
        ...secureStoreLike(items),
        async setItemAsync(key: string, value: string) {
          left -= 1;
          if (left < 0) throw new Error('ended');
          items.set(key, value);
        },
      });
      await Promise.resolve(dying.set('key', next)).catch(() => {});
      const found = await secureStore(secureStoreLike(items)).get('key');
      expect(found).toBe(writes < 4 ? old : next);
    }
    await storage.set('key', next);
    expect(await storage.get('key')).toBe(next);
    expect([...store.items.values()].join('')).not.toContain('o');
  });
});

it('a stored session that cannot be read counts as signed out, and is not an error', async () => {
  const items = new Map([[`gatelatch.bearer.${app.url.replace(/[^\w.-]+/g, '_')}`, '{"half":']]);
  const client = startClient(app, { storage: webStorage(localStorageLike(items)) });
  expect(await client.session()).toBeNull();
});
