import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, GatelatchError, memoryStorage } from '../../client/src/index.js';
import { goodPassword as password, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { startProxy } from '../support/faulty-proxy.js';
import { codeOf, heard, newName, startClient } from './support/clients.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

describe('signing up and in', () => {
  it('signs the new user in', async () => {
    const client = startClient(app);
    const events = heard(client);
    const username = newName();
    const result = await client.signUp({ username, password, email: `${username}@example.com` });
    expect(result).toMatchObject({ status: 'signed_in', user: { username, email: `${username}@example.com` } });
    expect(await client.session()).toEqual({
      user: result.user,
      sessionId: expect.any(String),
      accessToken: expect.any(String),
      expiresAt: expect.any(Date),
      refreshExpiresAt: expect.any(Date),
    });
    expect((await client.fetch('/welcome')).status).toBe(200);
    expect(events).toEqual([['signedIn', await client.session()]]);
  });

  it('reports that an e-mail address must be verified first, and signs no user in', async () => {
    const strict = await startAppForTest({ SIGNUP: 'verified' });
    const client = startClient(strict);
    const username = newName();
    const result = await client.signUp({ username, password, email: 'ada@example.com' });
    expect(result).toMatchObject({ status: 'verification_sent', user: { username } });
    expect(await client.session()).toBeNull();
    await expect(client.logIn({ username, password })).rejects.toMatchObject({ status: 403, code: 'email_unverified' });
  });

  it('works with username or e-mail address, and returns the user', async () => {
    const username = newName();
    const email = `${username}@example.com`;
    await startClient(app).signUp({ username, password, email });
    for (const name of [username, email]) {
      const client = startClient(app);
      expect(await client.logIn({ username: name, password })).toMatchObject({ username, email });
      expect((await client.fetch('/me')).status).toBe(200);
    }
  });

  it('reports a refusal with status, code, request id, fields and Retry-After', async () => {
    const client = startClient(app);
    const error = await client.signUp({ username: 'x', password: '' }).catch((error) => error);
    expect(error).toBeInstanceOf(GatelatchError);
    expect(error).toMatchObject({ name: 'GatelatchError', status: 422, code: 'validation_failed' });
    expect(error.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(error.errors).toContainEqual({ path: 'username', message: expect.any(String) });

    const limited = await startAppForTest({ RATE_LIMIT: 'on', RATE_LIMIT_LOGIN_ADDRESS: '1/1m' });
    const guess = () => startClient(limited).logIn({ username: 'nobody', password: 'a wrong password' });
    await expect(guess()).rejects.toMatchObject({ status: 401, code: 'invalid_credentials', retryAfter: undefined });
    await expect(guess()).rejects.toMatchObject({ status: 429, code: 'rate_limited', retryAfter: expect.any(Number) });
  });

  it('tells a response of the API, another response and an unreachable server apart', async () => {
    const proxy = await startProxy(app);
    const client = startClient(proxy);
    proxy.fault = () => ({ status: 502, headers: { 'Content-Type': 'text/html' }, body: '<h1>Bad gateway' });
    const logIn = () => client.logIn({ username: 'ada', password }).catch((error) => error);
    expect(await logIn()).toMatchObject({ name: 'GatelatchError', status: 502, code: 'unexpected_response' });
    await proxy.away();
    expect(await logIn()).toBeInstanceOf(TypeError);
  });
});

describe('the device token', () => {
  it('is kept per user, also after a logout, and sent with the next login', async () => {
    const proxy = await startProxy(app);
    const storage = memoryStorage();
    const client = startClient(proxy, { storage });
    const [ada, bob] = [newName(), newName()];
    await client.signUp({ username: ada, password, email: `${ada}@example.com` });
    await client.logOut();
    await client.signUp({ username: bob, password });
    await client.logOut();

    const tokenSentBy = async (username: string) => {
      proxy.seen.length = 0;
      const later = startClient(proxy, { storage });
      await later.logIn({ username, password });
      await later.logOut();
      return JSON.parse(proxy.seen[0]?.body ?? '').device_token;
    };
    const sentByAda = await tokenSentBy(ada);
    expect(sentByAda).toMatch(/^[\w-]{76}$/);
    expect(await tokenSentBy(ada.toUpperCase())).toBe(sentByAda);
    expect(await tokenSentBy(`${ada}@example.com`)).toBe(sentByAda);
    expect(await tokenSentBy(bob)).not.toBe(sentByAda);
  });
});

describe('logging out', () => {
  it('ends the session here and on the server', async () => {
    const client = startClient(app);
    await client.signUp({ username: newName(), password });
    const token = (await client.session())?.accessToken;
    const events = heard(client);
    await client.logOut();
    expect(events).toEqual([['signedOut', { reason: 'logged_out' }]]);
    expect(await client.session()).toBeNull();
    expect(await codeOf(await client.fetch('/welcome'))).toBe('unauthenticated');
    const { body } = await app.http.get('/welcome').set('Authorization', `Bearer ${token}`);
    expect(body.code).toBe('session_revoked');
  });

  it('forgets the session even if the server is unreachable, and reports that', async () => {
    const proxy = await startProxy(app);
    const storage = memoryStorage();
    const client = startClient(proxy, { storage });
    await client.signUp({ username: newName(), password });
    const events = heard(client);
    await proxy.away();
    await expect(client.logOut()).rejects.toBeInstanceOf(TypeError);
    expect(events).toEqual([['signedOut', { reason: 'logged_out' }]]);
    expect(await createClient({ url: proxy.url, storage }).session()).toBeNull();
  });

  it('is not an error if the session has already ended or never existed', async () => {
    const client = startClient(app);
    await client.logOut();
    await client.signUp({ username: newName(), password });
    await client.fetch('/auth/logout-all', { method: 'POST' });
    await client.logOut();
    expect(await client.session()).toBeNull();
  });
});
