import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, memoryStorage, type Storage } from '../../client/src/index.js';
import {
  finishExternal,
  linkIdentity,
  linkWith,
  listProviders,
  logInWith,
  unlink,
} from '../../client/src/providers.js';
import { goodPassword as password, startApp, type TestApp } from '../support/app.js';
import { confirm } from '../support/mails.js';
import { carry, redirectUri, visit } from '../support/pretended-providers/go-round.js';
import {
  newPerson,
  type OpenIdProvider,
  settingsOf,
  startOpenIdProvider,
} from '../support/pretended-providers/openid.js';
import { codeOf as totpCode } from '../support/second-factor.js';
import { newName, startClient, startSignedIn } from './support/clients.js';
import { createBrowserFetch } from './support/cookie-jar.js';

let corp: OpenIdProvider;
let app: TestApp;
beforeAll(async () => {
  corp = await startOpenIdProvider({ settings: { PROVIDER_CORP_TRUST_EMAIL: 'verified' } });
  app = await startApp(settingsOf(corp));
});
afterAll(async () => {
  await app?.stop();
  await corp?.server.goAway();
});

type Leave = typeof logInWith;

/** The user at the provider and back. @returns what the client is opened with */
async function goThere(client: Client, storage: Storage, leave: Leave = logInWith): Promise<string> {
  const issuer = app.config.tokens.issuer;
  const url = await leave(client, 'corp', { redirectUri, storage, issuer });
  const { headers } = await carry(app, await visit(app, corp, url));
  return `${headers.location}`;
}

async function goRound(client: Client, fields: { username?: string; password?: string } = {}, leave?: Leave) {
  const storage = memoryStorage();
  return finishExternal(client, await goThere(client, storage, leave), { storage, ...fields });
}

async function methodsOf(client: Client) {
  const answer = await client.fetch('/me/sign-in-methods');
  return (await answer.json()) as { identities: { id: string; provider: string }[] };
}

describe('Against the server, by a provider', () => {
  it('a new user signs in, and is the same one from another client', async () => {
    const client = startClient(app);
    expect(await listProviders(client)).toEqual([{ name: 'corp', label: 'Corp' }]);
    corp.person = newPerson();
    const username = newName();
    const first = await goRound(client, { username });
    expect(first).toMatchObject({ status: 'signed_in', user: { username } });
    expect((await client.fetch('/welcome')).status).toBe(200);
    expect(await goRound(startClient(app))).toEqual(first);
  });

  it('a name that is taken can be given anew, with the same code', async () => {
    const client = startClient(app);
    corp.person = newPerson();
    const taken = newName();
    await startClient(app).signUp({ username: taken, password });
    const storage = memoryStorage();
    const answer = await goThere(client, storage);
    await expect(finishExternal(client, answer, { storage, username: taken })).rejects.toMatchObject({
      code: 'username_taken',
    });
    const username = newName();
    expect(await finishExternal(client, answer, { storage, username })).toMatchObject({ user: { username } });
  });

  it('the second factor is asked for, and not again where the device is remembered', async () => {
    const storage = memoryStorage();
    const client = startClient(app, { storage });
    corp.person = newPerson({ email: undefined });
    await goRound(client);
    const send = async (path: string, body: object) => {
      const headers = { 'Content-Type': 'application/json' };
      const answer = await client.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
      return (await answer.json()) as { id: string; secret: string };
    };
    const { id, secret } = await send('/me/totp', {});
    await send(`/me/totp/${id}/confirm`, { code: totpCode(secret) });
    await client.logOut();

    await expect(goRound(client)).rejects.toMatchObject({ code: 'second_factor_required', methods: expect.anything() });
    const user = await client.secondFactor({ code: totpCode(secret, 1), rememberDevice: true });
    await client.logOut();
    expect(await goRound(startClient(app, { storage }))).toMatchObject({ status: 'signed_in', user: { id: user.id } });
  });

  it('an address that a user has is linked once they have logged in', async () => {
    const client = startClient(app);
    const [username, email] = [newName(), `${newName()}@corp.example`];
    await client.signUp({ username, password, email });
    await confirm(app, email);
    await client.logOut();
    corp.person = newPerson({ email, email_verified: true });
    const { code, linkToken } = await goRound(client).then(
      () => expect.unreachable(),
      (error) => error,
    );
    expect(code).toBe('link_required');
    await client.logIn({ username, password });
    expect(await linkIdentity(client, { linkToken, password })).toMatchObject({ provider: 'corp', email });
    expect(await goRound(startClient(app))).toMatchObject({ status: 'signed_in', user: { username } });
  });

  it('an identity is linked with a password that is asked for afterwards, and unlinked', async () => {
    const client = await startSignedIn(app);
    corp.person = newPerson();
    const storage = memoryStorage();
    const answer = await goThere(client, storage, linkWith);
    const finish = (fields: object = {}) => finishExternal(client, answer, { storage, ...fields });
    await expect(finish()).rejects.toMatchObject({ code: 'validation_failed' });
    await expect(finish({ password: 'a wrong one' })).rejects.toMatchObject({ code: 'invalid_credentials' });
    expect(await finish({ password })).toMatchObject({ status: 'linked', identity: { provider: 'corp' } });
    const [linked] = (await methodsOf(client)).identities;
    await unlink(client, `${linked?.id}`, { password });
    expect((await methodsOf(client)).identities).toEqual([]);
  });

  it('with cookies, a user signs in without a token that scripts could see', async () => {
    const { fetch, cookies } = createBrowserFetch(app.config.tokens.issuer);
    const client = startClient(app, { transport: 'cookie', fetch });
    corp.person = newPerson();
    expect(await goRound(client)).toMatchObject({ status: 'signed_in' });
    expect((await client.session())?.accessToken).toBeUndefined();
    expect([...cookies.keys()]).toContain('access_token');
    expect((await client.fetch('/welcome')).status).toBe(200);
  });
});
