import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { memoryStorage } from '../../client/src/index.js';
import {
  type Finished,
  finishExternal,
  linkIdentity,
  linkWith,
  listProviders,
  logInWith,
  unlink,
} from '../../client/src/providers.js';
import { startClient } from './support/clients.js';
import { createExternalServer, s256, user } from './support/external-server.js';

const url = 'https://gate.example';
const redirectUri = 'https://app.example/callback';

function startExternal() {
  const server = createExternalServer(url);
  const storage = memoryStorage();
  const client = startClient({ url }, { fetch: server.fetch });
  const journey = { redirectUri, storage };
  return { server, storage, client, journey };
}

const refusalOf = (finished: Promise<Finished>) =>
  finished.then(
    () => undefined,
    (error) => error,
  );

describe('Signing in by a provider', () => {
  it('begins with a state and a challenge of its own, and ends in a session', async () => {
    const { server, storage, client, journey } = startExternal();
    const address = await logInWith(client, 'corp', { ...journey, prompt: 'login', loginHint: 'ada' });
    expect(address).toBe('https://corp.example/authorize?state=theirs');
    expect(await finishExternal(client, server.answer(), { storage, username: 'ada' })).toEqual({
      status: 'signed_in',
      user,
    });
    expect(await client.session()).toMatchObject({ user, accessToken: 'an-access-token' });

    const [begun, ended] = server.sent.map(({ body }) => body);
    expect(begun).toMatchObject({ provider: 'corp', redirect_uri: redirectUri, prompt: 'login', login_hint: 'ada' });
    expect(begun?.state).toHaveLength(43);
    expect(ended).toMatchObject({ code: 'a-code', username: 'ada', transport: 'bearer' });
    expect(ended?.code_verifier).toHaveLength(43);
    expect(begun?.code_challenge).toBe(s256(ended?.code_verifier));

    await logInWith(client, 'corp', journey);
    expect(server.sent.at(-1)?.body).not.toMatchObject({ state: begun?.state });
    expect(server.sent.at(-1)?.body).not.toMatchObject({ code_challenge: begun?.code_challenge });
  });

  it.each([
    ['with another state', { state: 'of-an-attacker' }],
    ['without a state', { state: '' }],
    ['from another server', { iss: 'https://evil.example' }],
    ['that does not say from which server', { iss: '' }],
  ])('drops an answer %s: no code leaves, and the right one still counts', async (_, changed) => {
    const { server, storage, client, journey } = startExternal();
    await logInWith(client, 'corp', journey);
    expect(await refusalOf(finishExternal(client, server.answer(changed), { storage }))).toMatchObject({
      code: 'not_asked_for',
    });
    expect(server.sent).toHaveLength(1);
    expect(await finishExternal(client, server.answer(), { storage })).toMatchObject({ status: 'signed_in' });
  });

  it('drops an answer that another client asked for', async () => {
    const { server, client, journey } = startExternal();
    await logInWith(client, 'corp', journey);
    const victim = { storage: memoryStorage() };
    expect(await refusalOf(finishExternal(client, server.answer(), victim))).toMatchObject({ code: 'not_asked_for' });
    expect(server.sent).toHaveLength(1);
  });

  it('knows a server whose issuer is not where the client reaches it, by `issuer`', async () => {
    const { server, storage, client, journey } = startExternal();
    await logInWith(client, 'corp', { ...journey, issuer: 'https://id.example/' });
    const answer = server.answer({ iss: 'https://id.example' });
    expect(await finishExternal(client, answer, { storage })).toMatchObject({ status: 'signed_in' });
  });

  it('sends a code once, even if a page begins twice or is opened again', async () => {
    const { server, storage, client, journey } = startExternal();
    await logInWith(client, 'corp', journey);
    const finish = () => finishExternal(client, server.answer(), { storage });
    const [one, other] = await Promise.all([finish(), finish()]);
    expect(one).toEqual(other);
    expect(await refusalOf(finish())).toMatchObject({ code: 'not_asked_for' });
    expect(server.sent.filter(({ body }) => body.code)).toHaveLength(1);
  });

  it.each([
    ['access_denied', 'access_denied'],
    ['external_login_failed', 'external_login_failed'],
    ['anything', 'external_login_failed'],
  ])('tells of %s', async (error, code) => {
    const { server, storage, client, journey } = startExternal();
    await logInWith(client, 'corp', journey);
    const answer = server.answer({ code: undefined, error });
    expect(await refusalOf(finishExternal(client, answer, { storage }))).toMatchObject({ code });
    expect(server.sent).toHaveLength(1);
  });

  it('waits for a second factor, which the client gives as after a password', async () => {
    const { server, storage, client, journey } = startExternal();
    await logInWith(client, 'corp', journey);
    server.refusals.push({
      status: 403,
      code: 'second_factor_required',
      login_token: 'a-login-token',
      methods: ['totp'],
    });
    expect(await refusalOf(finishExternal(client, server.answer(), { storage }))).toMatchObject({
      code: 'second_factor_required',
      loginToken: 'a-login-token',
      methods: ['totp'],
    });
    expect(await client.secondFactor({ code: '123456' })).toEqual(user);
    expect(server.sent.at(-1)).toMatchObject({
      line: 'POST /auth/login/second-factor',
      body: { login_token: 'a-login-token', code: '123456' },
    });
  });

  it('is known to the server at the next one here, by its device token', async () => {
    const { server, storage, client, journey } = startExternal();
    for (const deviceToken of [undefined, 'a-device-token']) {
      await logInWith(client, 'corp', journey);
      await finishExternal(client, server.answer(), { storage });
      expect(server.sent.at(-1)?.body.device_token).toBe(deviceToken);
    }
  });

  it('goes on with another username if the first is taken', async () => {
    const { server, storage, client, journey } = startExternal();
    await logInWith(client, 'corp', journey);
    const answer = server.answer();
    server.refusals.push({ status: 409, code: 'username_taken' });
    const taken = finishExternal(client, answer, { storage, username: 'ada' });
    expect(await refusalOf(taken)).toMatchObject({ code: 'username_taken' });
    await finishExternal(client, answer, { storage, username: 'lovelace' });
    const [first, second] = server.sent.slice(1).map(({ body }) => body);
    expect(second).toEqual({ ...first, username: 'lovelace' });
  });

  it('of an address that a user has asks them to sign in, and then links it', async () => {
    const { server, storage, client, journey } = startExternal();
    await logInWith(client, 'corp', journey);
    server.refusals.push({ status: 409, code: 'link_required', link_token: 'a-link-token' });
    const { code, linkToken } = await refusalOf(finishExternal(client, server.answer(), { storage }));
    expect([code, linkToken]).toEqual(['link_required', 'a-link-token']);
    const password = 'correct horse battery staple';
    await client.logIn({ username: 'ada', password });
    expect(await linkIdentity(client, { linkToken, password })).toMatchObject({ provider: 'corp' });
    expect(server.sent.at(-1)).toEqual({ line: 'POST /me/identities', body: { link_token: linkToken, password } });
  });
});

describe('Linking with a provider', () => {
  async function startSignedIn() {
    const started = startExternal();
    await started.client.logIn({ username: 'ada', password: 'correct horse battery staple' });
    return started;
  }

  it('adds the identity to the signed-in user, with a password that may be asked for afterwards', async () => {
    const { server, storage, client, journey } = await startSignedIn();
    await linkWith(client, 'corp', journey);
    const answer = server.answer();
    server.refusals.push({ status: 422, code: 'validation_failed' });
    expect(await refusalOf(finishExternal(client, answer, { storage }))).toMatchObject({ code: 'validation_failed' });
    expect(await finishExternal(client, answer, { storage, password: 'right' })).toMatchObject({
      status: 'linked',
      identity: { provider: 'corp' },
    });
    expect(server.sent.at(-1)).toMatchObject({
      line: 'POST /me/identities',
      body: { code: 'a-code', password: 'right' },
    });
    expect(server.sent.map(({ line }) => line)).not.toContain('POST /auth/external/token');
  });

  it('links no one else who has signed in here meanwhile', async () => {
    const { server, storage, client, journey } = await startSignedIn();
    await linkWith(client, 'corp', journey);
    await client.logOut();
    const asked = server.sent.length;
    const finished = finishExternal(client, server.answer(), { storage });
    expect(await refusalOf(finished)).toMatchObject({ code: 'not_asked_for' });
    expect(server.sent).toHaveLength(asked);
  });

  it('ends with `unlink`', async () => {
    const { server, client } = await startSignedIn();
    await unlink(client, 'an-identity', { password: 'right' });
    expect(server.sent.at(-1)).toEqual({ line: 'DELETE /me/identities/an-identity', body: { password: 'right' } });
  });
});

describe('In a page', () => {
  it('the browser goes there, and afterwards no code is in its address or left in its storage', async () => {
    const { server, client } = startExternal();
    const values = new Map<string, string>();
    const location = { href: 'https://app.example/', assign: vi.fn() };
    const history = {
      state: { of: 'the app' },
      replaceState: (_state: unknown, _: string, address: URL) => {
        location.href = address.href;
      },
    };
    onTestFinished(() => void vi.unstubAllGlobals());
    vi.stubGlobal('document', {});
    vi.stubGlobal('location', location);
    vi.stubGlobal('history', history);
    vi.stubGlobal('sessionStorage', {
      getItem: (key: string) => values.get(key) ?? null,
      setItem: (key: string, value: string) => values.set(key, value),
      removeItem: (key: string) => values.delete(key),
    });
    await logInWith(client, 'corp', { redirectUri: `${redirectUri}?from=list#top` });
    expect(location.assign).toHaveBeenCalledWith('https://corp.example/authorize?state=theirs');
    expect(values.size).toBe(1);
    location.href = server.answer();
    await finishExternal(client, location.href);
    expect(location.href).toBe(`${redirectUri}?from=list#top`);
    expect(values.size).toBe(0);
  });
});

describe('The providers', () => {
  it('are listed', async () => {
    const data = [{ name: 'corp', label: 'Corp' }];
    const client = startClient({ url }, { fetch: async () => Response.json({ data }) });
    expect(await listProviders(client)).toEqual(data);
  });
});
