import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { memoryStorage } from '../../client/src/index.js';
import { goodPassword as password, startApp, type TestApp } from '../support/app.js';
import { type FaultyProxy, startProxy } from '../support/faulty-proxy.js';
import { codeOf, heard, newName, startClient, startSignedIn, stored } from './support/clients.js';

const admin = { username: 'admin', password: 'the password of the admin' };
const refresh = 'POST /auth/refresh';

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ ADMIN_USERNAME: admin.username, ADMIN_PASSWORD: admin.password });
});
afterAll(() => app.stop());

let proxy: FaultyProxy;
beforeEach(async () => {
  proxy = await startProxy(app);
});

describe('the access token', () => {
  it('goes to the API’s own origin, by path, URL or Request', async () => {
    const client = await startSignedIn(proxy);
    const inputs = ['/me', `${proxy.url}/me`, new URL('/me', proxy.url), new Request(`${proxy.url}/me`)];
    for (const input of inputs) expect((await client.fetch(input)).status).toBe(200);
  });

  it('takes paths below the url, if a proxy has the API under a path', async () => {
    const asked: string[] = [];
    const answering: typeof fetch = async (input) => {
      asked.push(input instanceof Request ? input.url : String(input));
      return Response.json({}, { status: 404 });
    };
    for (const url of ['https://h.example/gate', 'https://h.example/gate/']) {
      const client = startClient({ url }, { fetch: answering });
      await client.logIn({ username: 'ada', password: 'x' }).catch(() => {});
      for (const path of ['/me', 'me', '/todos?limit=1', 'https://h.example/other']) await client.fetch(path);
      expect(asked.splice(0)).toEqual([
        'https://h.example/gate/auth/login',
        'https://h.example/gate/me',
        'https://h.example/gate/me',
        'https://h.example/gate/todos?limit=1',
        'https://h.example/other',
      ]);
    }
  });

  it('goes to no other origin, however the URL is written', async () => {
    const elsewhere = await startProxy(app);
    const client = await startSignedIn(proxy);
    const { host } = new URL(elsewhere.url);
    const inputs = [
      `${elsewhere.url}/me`,
      `//${host}/me`,
      `\\\\${host}/me`,
      `${proxy.url.replace('//', '//x@')}@${host}/me`,
    ];
    for (const input of inputs) await client.fetch(input).catch(() => {});
    expect(elsewhere.count('GET /me')).toBeGreaterThan(2);
    for (const { headers } of elsewhere.seen) expect(headers.authorization).toBeUndefined();
  });

  it('does not replace an Authorization header that is already there', async () => {
    const client = await startSignedIn(proxy);
    const answer = await client.fetch('/me', { headers: { Authorization: 'Bearer another' } });
    expect(await codeOf(answer)).toBe('invalid_token');
    expect(proxy.count(refresh)).toBe(0);
  });

  it('is sent with the method, headers, body and signal of the request', async () => {
    const client = await startSignedIn(proxy);
    const headers = { 'Content-Type': 'application/json' };
    const answer = await client.fetch('/todos', { method: 'POST', headers, body: '{"title":"milk"}' });
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({ title: 'milk' });
    const aborted = client.fetch('/todos', { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    expect(await client.session()).not.toBeNull();
  });
});

describe('a 401', () => {
  it('token_stale causes one refresh, and the request is repeated with its body, streams too', async () => {
    const client = await startSignedIn(proxy);
    const { user } = (await client.session()) ?? {};
    const operator = startClient(app);
    await operator.logIn(admin);
    const makeStale = (roles: string[]) =>
      operator.fetch(`/admin/users/${user?.id}`, {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ roles }),
      });
    const todo = '{"title":"milk"}';
    const bodies: [string, RequestInit['body']][] = [
      ['editor', todo],
      ['user', new Blob([todo]).stream()],
    ];
    for (const [role, body] of bodies) {
      proxy.seen.length = 0;
      expect((await makeStale([role])).status).toBe(200);
      const headers = { 'Content-Type': 'application/json' };
      const answer = await client.fetch('/todos', { method: 'POST', headers, body, duplex: 'half' } as RequestInit);
      expect(answer.status).toBe(201);
      expect(proxy.seen.map(({ line, status }) => [line, status])).toEqual([
        ['POST /todos', 401],
        [refresh, 200],
        ['POST /todos', 201],
      ]);
      expect((await client.session())?.user.roles).toEqual([role]);
    }
  });

  it('invalid_token causes a refresh in the same way', async () => {
    const storage = memoryStorage();
    const { change } = stored(storage, proxy);
    await startSignedIn(proxy, { storage });
    await change({ accessToken: 'e30.e30.e30' });
    const client = startClient(proxy, { storage });
    expect((await client.fetch('/welcome')).status).toBe(200);
    expect(proxy.count(refresh)).toBe(1);
  });

  it('that stays after the refresh is returned after one repetition', async () => {
    const client = await startSignedIn(proxy);
    const stale = JSON.stringify({ code: 'token_stale' });
    const headers = { 'Content-Type': 'application/problem+json' };
    proxy.fault = (line) => (line === 'GET /me' ? { status: 401, headers, body: stale } : undefined);
    const answer = await client.fetch('/me');
    expect([answer.status, await answer.text()]).toEqual([401, stale]);
    expect([proxy.count('GET /me'), proxy.count(refresh)]).toEqual([2, 1]);
  });

  it.each(['invalid_credentials', 'unauthenticated', 'invalid_refresh_token', 'something_new'])(
    '%s concerns the request, and causes neither a refresh nor a sign-out',
    async (code) => {
      const client = await startSignedIn(proxy);
      const headers = { 'Content-Type': 'application/problem+json' };
      proxy.fault = () => ({ status: 401, headers, body: JSON.stringify({ code }) });
      expect((await client.fetch('/me')).status).toBe(401);
      expect(proxy.count(refresh)).toBe(0);
      expect(await client.session()).not.toBeNull();
    },
  );

  it('for a wrong password changes nothing', async () => {
    const client = await startSignedIn(proxy);
    const body = JSON.stringify({ password: 'not the right password' });
    const headers = { 'Content-Type': 'application/json' };
    const answer = await client.fetch('/me', { method: 'DELETE', headers, body });
    expect(await codeOf(answer)).toBe('invalid_credentials');
    expect(proxy.count(refresh)).toBe(0);
    expect(await client.session()).not.toBeNull();
  });

  it('session_revoked signs out without a refresh, and gives the reason', async () => {
    const client = await startSignedIn(proxy);
    const events = heard(client);
    await client.fetch('/auth/logout-all', { method: 'POST' });
    const answer = await client.fetch('/welcome');
    expect(await codeOf(answer)).toBe('session_revoked');
    expect(events).toEqual([['signedOut', { reason: 'session_revoked' }]]);
    expect(await client.session()).toBeNull();
    expect(proxy.count(refresh)).toBe(0);
  });

  it('session_revoked for an old session does not affect a new one', async () => {
    const client = startClient(proxy);
    const username = newName();
    await client.signUp({ username, password });
    await client.fetch('/auth/logout-all', { method: 'POST' });
    proxy.delay = 300;
    const late = client.fetch('/welcome');
    // The request was sent with the old token.
    await expect.poll(() => proxy.count('GET /welcome')).toBe(1);
    proxy.delay = 0;
    await client.logIn({ username, password });
    expect((await late).status).toBe(401);
    expect((await client.fetch('/welcome')).status).toBe(200);
  });
});
