import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, memoryStorage, type Storage } from '../../client/src/index.js';
import { goodPassword as password, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { codeOf as totpCode, wrongCodeFor } from '../support/second-factor.js';
import { codeOf, heard, newName, startClient } from './support/clients.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

const post = (client: Client, path: string, body: object = {}) =>
  client.fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

type Enrolled = { username: string; secret: string; codes: string[]; client: Client };

/** A user with an authenticator app, whose code of this moment is used up. */
async function enrolled(at: TestApp = app): Promise<Enrolled> {
  const client = startClient(at);
  const username = newName();
  await client.signUp({ username, password });
  const { id, secret } = (await (await post(client, '/me/totp', { password })).json()) as Record<string, string>;
  const confirmed = await post(client, `/me/totp/${id}/confirm`, { code: totpCode(`${secret}`) });
  const { recovery_codes: codes } = (await confirmed.json()) as { recovery_codes: string[] };
  return { username, secret: `${secret}`, codes, client };
}

describe('a login with a second factor', () => {
  it('rejects with what is due and signs no user in, until the code is right', async () => {
    const { username, secret } = await enrolled();
    const client = startClient(app);
    const events = heard(client);
    const refusal = await client.logIn({ username, password }).catch((error) => error);
    expect(refusal).toMatchObject({
      status: 403,
      code: 'second_factor_required',
      methods: ['totp', 'recovery_code'],
      loginToken: expect.any(String),
    });
    expect(await client.session()).toBeNull();

    await expect(client.secondFactor({ code: wrongCodeFor(secret) })).rejects.toMatchObject({ code: 'invalid_code' });
    expect(events).toEqual([]);
    expect(await client.secondFactor({ code: totpCode(secret, 1) })).toMatchObject({ username });
    expect(events).toEqual([['signedIn', await client.session()]]);
    expect((await client.fetch('/me')).status).toBe(200);
  });

  it('takes a recovery code, or the code together with the password', async () => {
    const { username, secret, codes } = await enrolled();
    const client = startClient(app);
    await client.logIn({ username, password }).catch(() => {});
    await client.secondFactor({ code: `${codes[0]}` });
    expect(await client.session()).not.toBeNull();
    expect(await startClient(app).logIn({ username, password, code: totpCode(secret, 1) })).toMatchObject({ username });
  });

  it('is not asked again where the device is remembered, by this client’s storage', async () => {
    const { username, codes } = await enrolled();
    const storage = await trusted(username, codes);
    expect(await startClient(app, { storage }).logIn({ username, password })).toMatchObject({ username });
    await expect(startClient(app).logIn({ username, password })).rejects.toMatchObject({
      code: 'second_factor_required',
    });
  });
});

async function trusted(username: string, codes: string[]): Promise<Storage> {
  const storage = memoryStorage();
  const client = startClient(app, { storage });
  await client.logIn({ username, password }).catch(() => {});
  await client.secondFactor({ code: `${codes[0]}`, rememberDevice: true });
  await client.logOut();
  return storage;
}

describe('a request that asks for a stronger sign-in', () => {
  it('is repeated after one refresh, which suffices where the session has been stepped up meanwhile', async () => {
    const { client } = await enrolled();
    const events = heard(client);
    const steps = heardSteps(client);
    // Its token is of the time before the second factor.
    expect((await post(client, '/me/recovery-codes')).status).toBe(200);
    expect(events.map(([name]) => name)).toEqual(['refreshed']);
    expect(steps).toEqual([]);
  });

  it('reports what is asked if a refresh does not help', async () => {
    const strict = await startAppForTest({ REQUIRED_ACR: 'aal2' });
    const client = startClient(strict);
    await client.signUp({ username: newName(), password });
    const steps = heardSteps(client);
    const events = heard(client);
    expect(await codeOf(await client.fetch('/welcome'))).toBe('insufficient_user_authentication');
    expect(steps).toEqual([{ acrValues: 'aal2', maxAge: undefined }]);
    expect(events.map(([name]) => name)).toEqual(['refreshed']);
  });

  it('succeeds after a new proof within the same session', async () => {
    const { username, secret, codes } = await enrolled();
    const client = startClient(app, { storage: await trusted(username, codes) });
    await client.logIn({ username, password });
    const { sessionId } = (await client.session()) ?? {};
    const steps = heardSteps(client);
    expect((await post(client, '/me/recovery-codes')).status).toBe(401);
    expect(steps).toEqual([{ acrValues: 'aal2', maxAge: 900 }]);

    const wrong = client.reauthenticate({ password, code: wrongCodeFor(secret) });
    await expect(wrong).rejects.toMatchObject({ code: 'invalid_code' });
    await client.reauthenticate({ password, code: totpCode(secret, 1) });
    expect((await client.session())?.sessionId).toBe(sessionId);
    expect((await post(client, '/me/recovery-codes')).status).toBe(200);
  });
});

it('A step-up on a known device is not refused for what strangers guess', async () => {
  const limited = await startAppForTest({ RATE_LIMIT: 'on', RATE_LIMIT_SECOND_FACTOR: '2/15m' });
  const { username, secret, codes } = await enrolled(limited);
  const client = startClient(limited);
  await client.logIn({ username, password, code: codes[0] ?? '' });
  const guess = () => limited.http.post('/auth/login').send({ username, password, code: wrongCodeFor(secret) });
  for (let tries = 0; tries < 3; tries += 1) await guess().expect(401);
  await client.reauthenticate({ password, code: totpCode(secret, 1) });
});

function heardSteps(client: Client): unknown[] {
  const steps: unknown[] = [];
  client.on('stepUpNeeded', (asked) => steps.push(asked));
  return steps;
}
