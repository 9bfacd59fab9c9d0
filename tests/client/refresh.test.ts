import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { memoryStorage } from '../../client/src/index.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { type FaultyProxy, startProxy } from '../support/faulty-proxy.js';
import { lendDatabase } from '../support/lent-databases.js';
import { codeOf, heard, startClient, startSignedIn, stored } from './support/clients.js';

const refresh = 'POST /auth/refresh';
const welcome = 'GET /welcome';
const onRefresh =
  <T>(fault: T) =>
  (line: string) =>
    line === refresh ? fault : undefined;
const linesOf = (proxy: FaultyProxy) => proxy.seen.map(({ line, status }) => `${line} ${status}`);

let app: TestApp;
let quick: TestApp;
beforeAll(async () => {
  app = await startApp();
  quick = await startApp({ ACCESS_TOKEN_TTL: '2s' });
});
afterAll(() => Promise.all([app.stop(), quick.stop()]));

let proxy: FaultyProxy;
beforeEach(async () => {
  proxy = await startProxy(app);
});

/** A client whose access token has expired and whose timer did not run: a tab that was frozen for an hour. */
async function startFrozen(server: { url: string }) {
  const storage = memoryStorage();
  const first = await startSignedIn(server, { storage });
  first.close();
  const { read, change } = stored(storage, server);
  const hour = 3_600_000;
  const { refreshAt, expiresAt } = await read();
  await change({ refreshAt: refreshAt - hour, expiresAt: expiresAt - hour });
  const client = startClient(server, { storage });
  return { client, events: heard(client) };
}

describe('before the access token expires, the client', () => {
  it('refreshes by itself, without being used', async () => {
    proxy.pointTo(quick);
    const client = await startSignedIn(proxy);
    const session = await new Promise((resolve) => client.on('refreshed', resolve));
    expect(await client.session()).toEqual(session);
    expect(proxy.count(refresh)).toBe(1);
  });

  it('refreshes at times that are spread over more than a minute, and leave time for another try', async () => {
    const storage = memoryStorage();
    const client = await startSignedIn(app, { storage });
    const { read } = stored(storage, app);
    const before: number[] = [];
    for (let n = 0; n < 40; n += 1) {
      await client.refresh();
      const { refreshAt, expiresAt } = await read();
      before.push((expiresAt - refreshAt) / 1000);
    }
    expect(Math.max(...before) - Math.min(...before)).toBeGreaterThan(60);
    expect(Math.min(...before)).toBeGreaterThanOrEqual(60);
    expect(Math.max(...before)).toBeLessThanOrEqual(180);
  });

  it('does nothing after it was signed out or closed', async () => {
    proxy.pointTo(quick);
    const [out, closed] = [await startSignedIn(proxy), await startSignedIn(proxy)];
    await out.logOut();
    closed.close();
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(proxy.count(refresh)).toBe(0);
  });
});

describe('an expired access token', () => {
  it('is replaced before the request, by the clock, even if no timer ran for an hour', async () => {
    const { client } = await startFrozen(proxy);
    client.close();
    proxy.seen.length = 0;
    expect((await client.fetch('/welcome')).status).toBe(200);
    expect(linesOf(proxy)).toEqual([`${refresh} 200`, `${welcome} 200`]);
  });

  it('is replaced after token_expired if the clock is wrong', async () => {
    proxy.pointTo(quick);
    const storage = memoryStorage();
    (await startSignedIn(proxy, { storage })).close();
    await stored(storage, proxy).change({ refreshAt: Date.now() + 3_600_000, expiresAt: Date.now() + 3_700_000 });
    await new Promise((resolve) => setTimeout(resolve, 2100));
    proxy.seen.length = 0;
    expect((await startClient(proxy, { storage }).fetch('/welcome')).status).toBe(200);
    expect(linesOf(proxy)).toEqual([`${welcome} 401`, `${refresh} 200`, `${welcome} 200`]);
  });

  it('is replaced once for many requests', async () => {
    const { client, events } = await startFrozen(proxy);
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.fetch('/welcome')));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(proxy.count(refresh)).toBe(1);
    expect(events.map(([name]) => name)).toEqual(['refreshed']);
  });
});

describe('the user stays logged in', () => {
  it('after a lost response, which is requested again at once', async () => {
    const { client, events } = await startFrozen(proxy);
    let lost = 0;
    proxy.fault = (line) => (line === refresh && lost++ === 0 ? 'lose the answer' : undefined);
    expect((await client.fetch('/welcome')).status).toBe(200);
    expect(linesOf(proxy).slice(1)).toEqual([`${refresh} 200`, `${refresh} 200`, `${welcome} 200`]);
    expect(events.map(([name]) => name)).toEqual(['refreshed']);
  });

  it('after several lost responses within the grace period, which are requested again later', async () => {
    const { client } = await startFrozen(proxy);
    proxy.fault = onRefresh('lose the answer' as const);
    await expect(client.fetch('/welcome')).rejects.toBeInstanceOf(TypeError);
    expect(await client.session()).not.toBeNull();
    proxy.fault = () => undefined;
    await new Promise((resolve) => client.on('refreshed', resolve));
    expect((await client.fetch('/welcome')).status).toBe(200);
  });

  it('while the server is unreachable, and the online event causes another try at once', {
    timeout: 20_000,
  }, async () => {
    // Node has no such event.
    const browser = new EventTarget();
    Object.assign(globalThis, {
      addEventListener: browser.addEventListener.bind(browser),
      removeEventListener: browser.removeEventListener.bind(browser),
    });
    onTestFinished(() => {
      for (const name of ['addEventListener', 'removeEventListener']) Reflect.deleteProperty(globalThis, name);
    });
    const { client } = await startFrozen(proxy);
    await proxy.away();
    // By now its own pauses are half a minute or more, which is too long for this test.
    for (let n = 0; n < 8; n += 1) await expect(client.fetch('/welcome')).rejects.toBeInstanceOf(TypeError);
    await expect(client.refresh()).rejects.toBeInstanceOf(TypeError);
    await proxy.back();
    const refreshed = new Promise((resolve) => client.on('refreshed', resolve));
    browser.dispatchEvent(new Event('online'));
    await refreshed;
    expect((await client.fetch('/welcome')).status).toBe(200);
  });

  it('by a restart of the server', async () => {
    const database = await lendDatabase();
    onTestFinished(database.drop);
    const first = await startApp({}, { database });
    proxy.pointTo(first);
    const { client, events } = await startFrozen(proxy);
    await first.stop();
    await expect(client.fetch('/welcome')).rejects.toBeDefined();
    const second = await startApp({}, { database });
    onTestFinished(second.stop);
    proxy.pointTo(second);
    const use = () => client.fetch('/welcome').then(({ status }) => status, String);
    await expect.poll(use).toBe(200);
    expect(events.map(([name]) => name)).toEqual(['refreshed']);
  });

  it.each([
    ['429', { status: 429, headers: { 'Retry-After': '1' } }],
    ['500', { status: 500 }],
    ['503', { status: 503, headers: { 'Retry-After': '1' } }],
    ['a proxy’s 502', { status: 502, body: '<html>' }],
    ['the page of a café’s network', { status: 200, body: '<html>Please sign in to our network' }],
    ['a 401 of a café’s network', { status: 401, body: '<html>' }],
    [
      'an unknown 401',
      { status: 401, headers: { 'Content-Type': 'application/problem+json' }, body: '{"code":"new"}' },
    ],
  ])('after %s', async (_what, fault) => {
    const { client, events } = await startFrozen(proxy);
    proxy.fault = onRefresh(fault);
    const error = await client.fetch('/welcome').catch((error) => error);
    expect(error).toBeInstanceOf(Error);
    if (fault.status !== 200) expect(error).toMatchObject({ status: fault.status });
    expect(await client.session()).not.toBeNull();
    proxy.fault = () => undefined;
    await new Promise((resolve) => client.on('refreshed', resolve));
    expect((await client.fetch('/welcome')).status).toBe(200);
    expect(events.map(([name]) => name)).toEqual(['refreshed']);
  });

  it('even if the clock stands still just when the server should be asked again', async () => {
    const { client } = await startFrozen(proxy);
    proxy.fault = onRefresh({ status: 503, headers: { 'Retry-After': '1' } });
    await expect(client.fetch('/welcome')).rejects.toMatchObject({ status: 503 });
    const now = Date.now.bind(Date);
    onTestFinished(() => void vi.spyOn(Date, 'now').mockRestore());
    vi.spyOn(Date, 'now').mockImplementation(() => now() - 50);
    proxy.fault = () => undefined;
    await new Promise((resolve) => client.on('refreshed', resolve));
  });

  it('and a server that sends Retry-After is not asked before that', async () => {
    const { client } = await startFrozen(proxy);
    proxy.fault = onRefresh({ status: 503, headers: { 'Retry-After': '60' } });
    for (let n = 0; n < 5; n += 1)
      await expect(client.fetch('/welcome')).rejects.toMatchObject({ status: 503, retryAfter: 60 });
    expect(proxy.count(refresh)).toBe(1);
  });
});

describe('the end of a session', () => {
  it('elsewhere is reported with its reason, and the request is sent without a token', async () => {
    const { client, events } = await startFrozen(proxy);
    await app.deps.db.$executeRaw`UPDATE session SET ended_at = now(), end_reason = 'logout'`;
    const answer = await client.fetch('/welcome');
    expect(await codeOf(answer)).toBe('unauthenticated');
    expect(events).toEqual([['signedOut', { reason: 'session_revoked' }]]);
    expect(await client.refresh()).toBeNull();
  });

  it('is reported if it was idle for too long', async () => {
    const { client, events } = await startFrozen(proxy);
    await app.deps.db.$executeRaw`UPDATE session SET rotated_at = now() - interval '31 days'`;
    expect(await client.refresh()).toBeNull();
    expect(events).toEqual([['signedOut', { reason: 'invalid_refresh_token' }]]);
  });

  it('is noticed after its refresh token was stolen', async () => {
    const storage = memoryStorage();
    const client = await startSignedIn(app, { storage });
    const { refreshToken } = await stored(storage, app).read();
    await client.refresh();
    await client.refresh();
    await app.http.post('/auth/refresh').send({ refresh_token: refreshToken });
    expect(await client.refresh()).toBeNull();
    expect(await client.session()).toBeNull();
  });

  it('by a logout is not undone by a refresh that returns later', async () => {
    const { client, events } = await startFrozen(proxy);
    proxy.delay = 200;
    const late = client.refresh();
    await expect.poll(() => proxy.count(refresh)).toBe(1);
    proxy.delay = 0;
    await client.logOut();
    expect(await late).toBeNull();
    expect(await client.session()).toBeNull();
    expect(events).toEqual([['signedOut', { reason: 'logged_out' }]]);
  });
});

it('a session does not keep a Node process running', async () => {
  const patient = await startAppForTest();
  const { execFile } = await import('node:child_process');
  const { promisify } = await import('node:util');
  const script = `
    import { createClient, memoryStorage } from './client/dist/index.js';
    const client = createClient({ url: '${patient.url}', storage: { ...memoryStorage(), shared: true } });
    await client.signUp({ username: 'process', password: 'correct horse battery staple' });
    console.log((await client.fetch('/welcome')).status);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  expect(stdout).toBe('200\n');
});
