import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClient, memoryStorage, type Storage } from '../../client/src/index.js';
import { goodPassword as password, startApp, type TestApp } from '../support/app.js';
import { type FaultyProxy, startProxy } from '../support/faulty-proxy.js';
import { heard, newName, sharedStorage, startClient, startSignedIn, stored } from './support/clients.js';
import { openTabs } from './support/tabs.js';

const refresh = 'POST /auth/refresh';
const all = <T>(value: T) => Array(5).fill(value);

let app: TestApp;
let quick: TestApp;
beforeAll(async () => {
  app = await startApp();
  quick = await startApp({ ACCESS_TOKEN_TTL: '4s' });
});
afterAll(() => Promise.all([app.stop(), quick.stop()]));

let proxy: FaultyProxy;
beforeEach(async () => {
  proxy = await startProxy(app);
});

/** Changes the stored session so that it looks an hour older. */
async function letAnHourPass(storage: Storage): Promise<void> {
  const { read, change } = stored(storage, proxy);
  const { refreshAt, expiresAt } = await read();
  await change({ refreshAt: refreshAt - 3_600_000, expiresAt: expiresAt - 3_600_000 });
}

describe('five tabs', () => {
  it('refresh only once together, in ten rounds, whichever asks first', async () => {
    const { tabs, storage } = await openTabs(5, proxy);
    (await startSignedIn(proxy, { storage })).close();
    for (let round = 1; round <= 10; round += 1) {
      await letAnHourPass(storage);
      const asked = proxy.count(refresh);
      expect(await Promise.all(tabs.map((tab) => tab.fetch('/welcome')))).toEqual(all(200));
      expect(proxy.count(refresh) - asked).toBe(1);
    }
    expect(proxy.peak(refresh)).toBe(1);
    for (const { events } of tabs) await expect.poll(() => events.at(-1)).toBe('refreshed');
  });

  it('refresh one at a time by themselves while they are not used', { timeout: 60_000 }, async () => {
    proxy.pointTo(quick);
    const { tabs, storage } = await openTabs(5, proxy);
    (await startSignedIn(proxy, { storage })).close();
    expect(await Promise.all(tabs.map((tab) => tab.fetch('/welcome')))).toEqual(all(200));
    await expect.poll(() => proxy.count(refresh), { timeout: 30_000 }).toBeGreaterThan(1);
    expect(proxy.peak(refresh)).toBe(1);
    expect(await Promise.all(tabs.map((tab) => tab.fetch('/welcome')))).toEqual(all(200));
  });

  it('go on if one is closed while it refreshes', async () => {
    const { tabs, storage } = await openTabs(5, proxy);
    (await startSignedIn(proxy, { storage })).close();
    await letAnHourPass(storage);
    proxy.delay = 500;
    void tabs[0]?.fetch('/welcome');
    await expect.poll(() => proxy.count(refresh)).toBe(1);
    await tabs[0]?.shut();
    proxy.delay = 0;
    const rest = tabs.slice(1);
    expect(await Promise.all(rest.map((tab) => tab.fetch('/welcome')))).toEqual(rest.map(() => 200));
  });
});

describe('tabs with the same storage', () => {
  const openTwo = () => {
    const storage = sharedStorage();
    return [startClient(proxy, { storage }), startClient(proxy, { storage })] as const;
  };

  it('inform each other of signing in, refreshing and logging out, once each', async () => {
    const [one, other] = openTwo();
    const events = [heard(one), heard(other)] as const;
    await one.signUp({ username: newName(), password });
    await expect.poll(() => events[1]).toHaveLength(1);
    expect((await other.fetch('/welcome')).status).toBe(200);
    await other.refresh();
    await expect.poll(() => events[0]).toHaveLength(2);
    await one.logOut();
    await expect.poll(() => events[1]).toHaveLength(3);
    expect(events[0].map(([name]) => name)).toEqual(['signedIn', 'refreshed', 'signedOut']);
    expect(events[1]).toEqual(events[0]);
    expect(await other.session()).toBeNull();
  });

  it('inform each other why a session has ended', async () => {
    const [one, other] = openTwo();
    await one.signUp({ username: newName(), password });
    await other.session();
    const events = heard(other);
    await one.fetch('/auth/logout-all', { method: 'POST' });
    await one.fetch('/welcome');
    await expect.poll(() => events).toEqual([['signedOut', { reason: 'session_revoked' }]]);
  });

  it('notice it at the next use if they missed the message', async () => {
    const storage = sharedStorage();
    const one = await startSignedIn(proxy, { storage });
    const deaf = createClient({ url: proxy.url, storage });
    deaf.close();
    await deaf.session();
    const events = heard(deaf);
    await one.fetch('/auth/logout-all', { method: 'POST' });
    await one.fetch('/welcome');
    await deaf.session();
    await expect.poll(() => events).toEqual([['signedOut', { reason: 'session_revoked' }]]);
  });

  it('do not log out after a refused token if another tab has stored a newer one', async () => {
    const storage = sharedStorage();
    const one = await startSignedIn(proxy, { storage });
    // This one does not wait for its turn, like a tab that could not wait for the lock.
    const unlocked = startClient(proxy, { storage: { ...storage, shared: false } });
    await unlocked.session();
    const events = heard(one);
    let asked = 0;
    const headers = { 'Content-Type': 'application/problem+json' };
    const problem = { status: 401, headers, body: '{"code":"invalid_refresh_token"}' };
    proxy.fault = (line) => (line === refresh && asked++ === 0 ? problem : undefined);
    proxy.delay = 500;
    const late = one.refresh();
    await expect.poll(() => proxy.count(refresh)).toBe(1);
    proxy.delay = 0;
    // The response of the first one arrives later and is the refusal.
    const newer = await unlocked.refresh();
    expect(await late).toEqual(newer);
    expect((await one.fetch('/welcome')).status).toBe(200);
    expect(events.map(([name]) => name)).toEqual(['refreshed']);
  });
});

describe('tabs that keep their session in memory', () => {
  it('do not affect each other', async () => {
    const [one, other] = [await startSignedIn(proxy), startClient(proxy)];
    const events = heard(other);
    await one.refresh();
    expect(await other.session()).toBeNull();
    await other.signUp({ username: newName(), password });
    await one.logOut();
    expect((await other.fetch('/welcome')).status).toBe(200);
    expect(events.map(([name]) => name)).toEqual(['signedIn']);
  });

  it('do not wait for each other', async () => {
    const clients = await Promise.all(all(memoryStorage).map((make) => startSignedIn(proxy, { storage: make() })));
    proxy.delay = 200;
    await Promise.all(clients.map((client) => client.refresh()));
    expect(proxy.peak(refresh)).toBe(5);
  });
});
