import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Client, memoryStorage } from '../../client/src/index.js';
import {
  addPasskey,
  askForPasskey,
  logInWithPasskey,
  removePasskey,
  supportsPasskeys,
} from '../../client/src/passkeys.js';
import { goodPassword as password, startApp, type TestApp } from '../support/app.js';
import { type Authenticator, createAuthenticator } from '../support/authenticator.js';
import { startProxy } from '../support/faulty-proxy.js';
import { newName, startClient } from './support/clients.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

type Asked = { publicKey: never; mediation?: string; signal: AbortSignal };

let authenticator: Authenticator;
/** The requests for a passkey; the user answers each, or leaves it waiting. */
let asked: Asked[];
let isAnswered: (asked: Asked) => boolean;
let unknown: unknown[];
let accepted: unknown[];

// What a browser has: here a passkey in software answers instead of a user.
beforeEach(() => {
  authenticator = createAuthenticator();
  asked = [];
  unknown = [];
  accepted = [];
  isAnswered = () => true;
  vi.stubGlobal('PublicKeyCredential', {
    parseRequestOptionsFromJSON: (options: unknown) => options,
    parseCreationOptionsFromJSON: (options: unknown) => options,
    isConditionalMediationAvailable: async () => true,
    signalUnknownCredential: async (credential: unknown) => void unknown.push(credential),
    signalAllAcceptedCredentials: async (user: unknown) => void accepted.push(user),
  });
  vi.stubGlobal('navigator', {
    credentials: {
      create: async ({ publicKey }: Asked) => ({ toJSON: () => authenticator.create(publicKey) }),
      get: (request: Asked) =>
        new Promise((resolve, reject) => {
          asked.push(request);
          const abort = () => reject(new DOMException('Aborted', 'AbortError'));
          request.signal.addEventListener('abort', abort);
          const { publicKey } = request;
          if (isAnswered(request)) resolve({ toJSON: () => authenticator.get(publicKey) });
        }),
    },
  });
  return () => vi.unstubAllGlobals();
});

async function withPasskey(server: { url: string } = app): Promise<{ username: string; client: Client }> {
  const client = startClient(server);
  const username = newName();
  await client.signUp({ username, password });
  await addPasskey(client, { password, name: 'Laptop' });
  return { username, client };
}

describe('a passkey', () => {
  it('is added with the password, and signs in without it', async () => {
    const client = startClient(app);
    const username = newName();
    await client.signUp({ username, password });
    await expect(addPasskey(client, { password: 'a wrong one' })).rejects.toMatchObject({
      code: 'invalid_credentials',
    });
    const added = await addPasskey(client, { password, name: 'Laptop' });
    expect(added).toMatchObject({ name: 'Laptop', credential_id: authenticator.credentialId });
    expect(added.recovery_codes).toHaveLength(10);

    const other = startClient(app);
    expect(await logInWithPasskey(other)).toMatchObject({ username });
    expect((await other.fetch('/me')).status).toBe(200);
  });

  it('is known to the server at its next sign-in here, by its device token', async () => {
    const { client } = await withPasskey();
    await client.logOut();
    const proxy = await startProxy(app);
    const storage = memoryStorage();
    const tokens: unknown[] = [];
    for (const _ of [1, 2]) {
      proxy.seen.length = 0;
      const here = startClient(proxy, { storage });
      await logInWithPasskey(here);
      await here.logOut();
      tokens.push(
        ...proxy.seen
          .filter(({ line }) => line === 'POST /auth/login/passkey')
          .map(({ body }) => JSON.parse(body).device_token),
      );
    }
    expect(tokens).toEqual([undefined, expect.any(String)]);
  });

  it('that was removed is refused, and the browser is told', async () => {
    const { client } = await withPasskey();
    const { passkeys } = (await (await client.fetch('/me/sign-in-methods')).json()) as { passkeys: [never] };
    await removePasskey(client, passkeys[0], { password });
    expect(unknown).toEqual([{ rpId: 'localhost', credentialId: authenticator.credentialId }]);
    await expect(logInWithPasskey(startClient(app))).rejects.toMatchObject({ code: 'invalid_credentials' });
  });

  it('that was removed is not among those that the browser is told to keep', async () => {
    const { client } = await withPasskey();
    const kept = await addPasskey(client, { password });
    await client.reauthenticate({ passkey: await askForPasskey(client) });
    const methods = await client.fetch('/me/sign-in-methods');
    const { passkeys, user_handle: userId } = (await methods.json()) as { passkeys: never[]; user_handle: string };
    await removePasskey(client, passkeys[0] as never, { password });
    const allAcceptedCredentialIds = [kept.credential_id];
    expect(accepted).toEqual([{ rpId: 'localhost', userId, allAcceptedCredentialIds }]);
    await removePasskey(client, kept, { password });
    expect(accepted.slice(1)).toEqual([{ rpId: 'localhost', userId, allAcceptedCredentialIds: [] }]);
    expect(unknown).toHaveLength(2);
  });

  it('is removed even if the browser does not want to know', async () => {
    const { client } = await withPasskey();
    const signalUnknownCredential = () => Promise.reject(new DOMException('No', 'SecurityError'));
    Object.assign(Reflect.get(globalThis, 'PublicKeyCredential'), { signalUnknownCredential });
    const methods = (await (await client.fetch('/me/sign-in-methods')).json()) as { passkeys: [never] };
    await removePasskey(client, methods.passkeys[0], { password });
    await expect(logInWithPasskey(startClient(app))).rejects.toMatchObject({ code: 'invalid_credentials' });
  });

  it('gives what a second factor and a step-up take', async () => {
    const { username, client } = await withPasskey();
    await client.reauthenticate({ passkey: await askForPasskey(client) });
    const turnedOn = await client.fetch('/me/sign-in-methods', {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ second_factor: 'any' }),
    });
    expect(turnedOn.status).toBe(200);
    const other = startClient(app);
    const refusal = await other.logIn({ username, password }).catch((error) => error);
    expect(refusal).toMatchObject({ code: 'second_factor_required', methods: ['passkey', 'recovery_code'] });
    expect(await other.secondFactor({ passkey: await askForPasskey(other) })).toMatchObject({ username });
  });
});

describe('passkeys in a field', () => {
  it('are offered with a new challenge before the old one expires', async () => {
    const { username } = await withPasskey();
    const hasty: typeof fetch = async (...request) => {
      const answer = await fetch(...request);
      if (!String((request[0] as Request).url).endsWith('/options')) return answer;
      return Response.json({ ...((await answer.json()) as object), expires_in: 0.1 });
    };
    isAnswered = () => asked.length === 3;
    const client = startClient(app, { fetch: hasty });
    expect(await logInWithPasskey(client, { conditional: true })).toMatchObject({ username });
    expect(asked.map(({ mediation }) => mediation)).toEqual(['conditional', 'conditional', 'conditional']);
    expect(new Set(asked.map(({ publicKey: { challenge } }) => challenge)).size).toBe(3);
  });

  it('are offered no longer after the page’s signal, or when the user is asked for one', async () => {
    const { username } = await withPasskey();
    isAnswered = ({ mediation }) => mediation !== 'conditional';
    const client = startClient(app);
    const page = new AbortController();
    const offer = () => logInWithPasskey(client, { conditional: true, signal: page.signal }).catch(({ name }) => name);
    const first = offer();
    await expect.poll(() => asked.length).toBe(1);
    expect(await logInWithPasskey(client)).toMatchObject({ username });
    expect(await first).toBe('AbortError');
    const second = offer();
    await expect.poll(() => asked.length).toBe(3);
    page.abort();
    expect(await second).toBe('AbortError');
  });

  it('are only for browsers that have all of it', async () => {
    expect([await supportsPasskeys(), await supportsPasskeys({ conditional: true })]).toEqual([true, true]);
    vi.stubGlobal('PublicKeyCredential', { isConditionalMediationAvailable: async () => true });
    expect(await supportsPasskeys()).toBe(false);
    vi.stubGlobal('PublicKeyCredential', undefined);
    expect(await supportsPasskeys({ conditional: true })).toBe(false);
  });
});
