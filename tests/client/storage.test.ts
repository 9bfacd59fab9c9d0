import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asyncStorage, type Storage, webStorage } from '../../client/src/index.js';
import { secureStore } from '../../client/src/secure-store.js';
import { goodPassword, startApp, type TestApp } from '../support/app.js';
import { heard, newName, sharedStorage, startClient, startSignedIn, stored } from './support/clients.js';

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

const keyOf = ({ url }: { url: string }) => `gatelatch.bearer.${url.replace(/[^\w.-]+/g, '_')}`;

describe('what another program, version or a half write left in the storage', () => {
  const wrong = [
    'null',
    '5',
    '"x"',
    'true',
    '{}',
    '[]',
    '[[]]',
    '[1,["a"],["a",5],null]',
    '{"user":{}}',
    '{"ended":5}',
    '',
  ];

  it.each(wrong)('%s counts as nothing, and does not keep anybody from logging in', async (text) => {
    const username = newName();
    await app.signUp({ username });
    const items = new Map([
      [keyOf(app), text],
      [`${keyOf(app)}.devices`, text],
    ]);
    const client = startClient(app, { storage: webStorage(localStorageLike(items)) });
    expect(await client.session()).toBeNull();
    expect((await client.fetch('/welcome')).status).toBe(401);
    expect((await client.logIn({ username, password: goodPassword })).username).toBe(username);
    expect((await client.fetch('/welcome')).status).toBe(200);
    const later = startClient(app, { storage: webStorage(localStorageLike(items)) });
    expect((await later.session())?.user.username).toBe(username);
    await later.logOut();
  });

  it('a session that lacks any of its fields counts as nothing', async () => {
    const storage = sharedStorage();
    await startSignedIn(app, { storage });
    const whole = await stored(storage, app).read();
    for (const field of Object.keys(whole))
      for (const value of [undefined, null, 5, 'x', {}, [], 1e300].filter(
        (value) => typeof value !== typeof whole[field],
      )) {
        await stored(storage, app).change({ [field]: value });
        expect(await startClient(app, { storage }).session(), `${field}: ${value}`).toBeNull();
        await stored(storage, app).change(whole);
      }
    expect(await startClient(app, { storage }).session()).not.toBeNull();
  });
});

describe('a key store that cannot decrypt any more', () => {
  it('counts as empty, lets the user log in again, and keeps that', async () => {
    const store = secureStoreLike();
    const { username } = (await (await startSignedIn(app, { storage: secureStore(store) })).session())?.user ?? {};
    const lost = new Set(store.items.keys());
    const broken = {
      ...store,
      async getItemAsync(key: string) {
        if (lost.has(key)) throw new Error('Could not decrypt the value');
        return store.getItemAsync(key);
      },
      async setItemAsync(key: string, value: string) {
        await store.setItemAsync(key, value);
        lost.delete(key);
      },
      async deleteItemAsync(key: string) {
        store.deleteItemAsync(key);
        lost.delete(key);
      },
    };
    const client = startClient(app, { storage: secureStore(broken) });
    expect(await client.session()).toBeNull();
    await client.logOut();
    await client.logIn({ username: username ?? '', password: goodPassword });
    expect([...lost]).toEqual([]);
    const later = startClient(app, { storage: secureStore(broken) });
    expect((await later.session())?.user.username).toBe(username);
    await later.logOut();
  });
});

describe('a storage that is full', () => {
  const full = (items: Map<string, string>) => ({
    ...localStorageLike(items),
    full: false,
    setItem(key: string, value: string) {
      if (this.full) throw new DOMException('The quota has been exceeded.', 'QuotaExceededError');
      items.set(key, value);
    },
  });

  it('during a refresh costs no session: it goes on in memory, and the page hears of it once', async () => {
    const items = new Map<string, string>();
    const store = full(items);
    const client = await startSignedIn(app, { storage: webStorage(store) });
    const told: unknown[] = [];
    client.on('notStored', (event) => told.push(event));
    const events = heard(client);
    store.full = true;
    const first = await client.refresh();
    const second = await client.refresh();
    expect(second?.sessionId).toBe(first?.sessionId);
    expect(second?.accessToken).not.toBe(first?.accessToken);
    expect((await client.fetch('/welcome')).status).toBe(200);
    expect(events.map(([name]) => name)).toEqual(['refreshed', 'refreshed']);
    expect(told).toEqual([{ error: expect.objectContaining({ name: 'QuotaExceededError' }) }]);
    // A replaced refresh token would look like theft.
    expect(items.has(keyOf(app))).toBe(false);
    store.full = false;
    const third = await client.refresh();
    expect(await startClient(app, { storage: webStorage(store) }).session()).toEqual(third);
    await client.logOut();
    expect(await client.session()).toBeNull();
  });

  it('lets a user log in, and out', async () => {
    const store = full(new Map());
    store.full = true;
    const username = newName();
    await app.signUp({ username });
    const client = startClient(app, { storage: webStorage(store) });
    await client.logIn({ username, password: goodPassword });
    expect((await client.fetch('/welcome')).status).toBe(200);
    await client.logOut();
    expect(await client.session()).toBeNull();
  });
});
