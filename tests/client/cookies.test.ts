import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ClientOptions, memoryStorage } from '../../client/src/index.js';
import { goodPassword as password, startApp, type TestApp } from '../support/app.js';
import { type FaultyProxy, startProxy } from '../support/faulty-proxy.js';
import { codeOf, heard, newName, sharedStorage, startClient, startSignedIn, stored } from './support/clients.js';
import { createBrowserFetch } from './support/cookie-jar.js';

const refresh = 'POST /auth/refresh';

let app: TestApp;
let quick: TestApp;
beforeAll(async () => {
  app = await startApp();
  quick = await startApp({ ACCESS_TOKEN_TTL: '2s' });
});
afterAll(() => Promise.all([app.stop(), quick.stop()]));

let proxy: FaultyProxy;
let browser: ReturnType<typeof createBrowserFetch>;
let options: ClientOptions;
beforeEach(async () => {
  proxy = await startProxy(app);
  browser = createBrowserFetch('http://localhost:3000');
  options = { url: proxy.url, transport: 'cookie', fetch: browser.fetch };
});

describe('the cookie transport', () => {
  it('signs in and works on every route, and no script sees a token', async () => {
    const storage = memoryStorage();
    const client = await startSignedIn(proxy, { ...options, storage });
    expect((await client.fetch('/me')).status).toBe(200);
    const kept = JSON.stringify([await client.session(), await stored(storage, proxy, 'cookie').read()]);
    expect([...browser.cookies.keys()]).toEqual(['access_token', 'refresh_token', 'device']);
    for (const { value } of browser.cookies.values()) expect(kept).not.toContain(value);
    for (const { headers } of proxy.seen) expect(headers.authorization).toBeUndefined();
    expect((await client.session())?.expiresAt.getTime()).toBeGreaterThan(Date.now() + 800_000);
  });

  it('works for other methods too: the browser’s Origin is all they need', async () => {
    const client = await startSignedIn(proxy, options);
    const headers = { 'Content-Type': 'application/json' };
    const answer = await client.fetch('/todos', { method: 'POST', headers, body: '{"title":"milk"}' });
    expect(answer.status).toBe(201);
  });

  it('refreshes by itself, and by the clock if its timer did not run, because the browser drops an expired cookie', async () => {
    proxy.pointTo(quick);
    const client = await startSignedIn(proxy, options);
    await new Promise((resolve) => client.on('refreshed', resolve));
    client.close();
    await new Promise((resolve) => setTimeout(resolve, 2100));
    const asked = proxy.count(refresh);
    const answers = await Promise.all([1, 2, 3].map(() => client.fetch('/welcome')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(proxy.count(refresh) - asked).toBe(1);
  });

  it('refreshes once for all tabs that share a storage', async () => {
    const storage = sharedStorage();
    const clients = [1, 2, 3].map(() => startClient(proxy, { ...options, storage }));
    await clients[0]?.signUp({ username: newName(), password });
    const { read, change } = stored(storage, proxy, 'cookie');
    const { refreshAt, expiresAt } = await read();
    await change({ refreshAt: refreshAt - 3_600_000, expiresAt: expiresAt - 3_600_000 });
    const answers = await Promise.all(clients.map((client) => client.fetch('/welcome')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(proxy.count(refresh)).toBe(1);
  });

  it('keeps the session while the server is unreachable', async () => {
    const client = await startSignedIn(proxy, options);
    await proxy.away();
    await expect(client.refresh()).rejects.toBeInstanceOf(TypeError);
    expect(await client.session()).not.toBeNull();
    await proxy.back();
    expect(await client.refresh()).not.toBeNull();
  });

  it('finds the session of the cookies again after the page was reloaded', async () => {
    const { user } = (await (await startSignedIn(proxy, options)).session()) ?? {};
    const client = startClient(proxy, options);
    expect(await client.session()).toBeNull();
    expect(await client.refresh()).toMatchObject({ user });
    expect((await client.fetch('/welcome')).status).toBe(200);
  });

  it('finds no session without cookies, and reports it if they have disappeared', async () => {
    const client = startClient(proxy, options);
    expect(await client.refresh()).toBeNull();
    await client.signUp({ username: newName(), password });
    const events = heard(client);
    browser.cookies.clear();
    expect(await client.refresh()).toBeNull();
    expect(events).toEqual([['signedOut', { reason: 'unauthenticated' }]]);
  });

  it('logs out: cookies and session are gone, but the device stays known', async () => {
    const client = await startSignedIn(proxy, options);
    await proxy.away();
    await expect(client.logOut()).rejects.toBeInstanceOf(TypeError);
    await proxy.back();
    // The cookies are still there, because only the server can clear them.
    await client.logOut();
    expect(await client.refresh()).toBeNull();
    const alive = [...browser.cookies].filter(([, { until }]) => until > Date.now());
    expect(alive.map(([name]) => name)).toEqual(['device']);
  });
});

it('a bearer client on the same page neither sends nor sees the cookies of another client', async () => {
  await startSignedIn(proxy, options);
  const bearer = startClient(proxy, { fetch: browser.fetch });
  expect(await codeOf(await bearer.fetch('/welcome'))).toBe('unauthenticated');
});
