import type { Browser, CDPSession, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, startApp, type TestApp } from '../support/app.js';
import { freePort } from '../support/free-port.js';
import { openBrowser, visit } from './open-browser.js';

// The peer is Chromium with its own authenticator: what it makes and signs, and the JSON that it speaks, are not ours.

let app: TestApp;
let browser: Browser;
beforeAll(async () => {
  const port = await freePort();
  const settings = { PORT: String(port), JWT_ISSUER: `http://localhost:${port}` };
  [app, browser] = await Promise.all([startApp(settings), openBrowser()]);
});
afterAll(() => Promise.all([browser?.close(), app?.stop()]));

type Tab = { page: Page; devtools: CDPSession; authenticatorId: string };

/** A page of ours in a browser with an authenticator. */
async function openTab({ synced = false } = {}): Promise<Tab> {
  const { context } = await visit(browser);
  const page = await context.newPage();
  await page.goto(app.url);
  const devtools = await context.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      automaticPresenceSimulation: true,
      isUserVerified: true,
      defaultBackupEligibility: synced,
      defaultBackupState: synced,
    },
  });
  return { page, devtools, authenticatorId };
}

// biome-ignore lint/suspicious/noExplicitAny: each test knows what the answer to its request contains.
type Answer = { status: number; body: any };

/** A request of the page. */
function ask({ page }: Tab, method: string, path: string, body?: object, token?: string): Promise<Answer> {
  return page.evaluate(
    async ({ method, path, body, token }) => {
      const answer = await fetch(path, {
        method,
        headers: {
          ...(body && { 'Content-Type': 'application/json' }),
          ...(token && { Authorization: `Bearer ${token}` }),
        },
        ...(body && { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, body: text ? JSON.parse(text) : undefined };
    },
    { method, path, body, token },
  );
}

let users = 0;

async function signUp(tab: Tab) {
  users += 1;
  const fields = { username: `browser-${users}`, password: goodPassword };
  const { body } = await ask(tab, 'POST', '/auth/signup', fields);
  return { ...fields, token: body.access_token as string };
}

/** What the browser makes of the options for a new passkey. */
async function create(tab: Tab, token: string, password?: string): Promise<object> {
  const { status, body } = await ask(tab, 'POST', '/me/passkeys/options', password ? { password } : {}, token);
  expect(status).toBe(200);
  return tab.page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
    return made.toJSON();
  }, body.options);
}

async function enrol(tab: Tab, token: string, password?: string): Promise<Answer> {
  return ask(tab, 'POST', '/me/passkeys', { passkey: await create(tab, token, password) }, token);
}

/** What the browser answers to a new challenge. */
async function answer(tab: Tab, mediation?: 'conditional'): Promise<object> {
  const { body } = await ask(tab, 'POST', '/auth/passkey/options');
  return tab.page.evaluate(
    async ({ options, mediation }) => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
      const found = await navigator.credentials.get({ publicKey, ...(mediation && { mediation }) });
      return (found as PublicKeyCredential).toJSON();
    },
    { options: body.options, mediation },
  );
}

const signIn = async (tab: Tab, mediation?: 'conditional') =>
  ask(tab, 'POST', '/auth/login/passkey', { passkey: await answer(tab, mediation) });

describe('In Chromium, a passkey', () => {
  it('is made, signs in, and is removed', async () => {
    const tab = await openTab();
    const user = await signUp(tab);
    const made = await enrol(tab, user.token, user.password);
    expect(made).toMatchObject({ status: 201, body: { synced: false, rp_id: 'localhost' } });
    for (let time = 0; time < 2; time++)
      expect(await signIn(tab)).toMatchObject({
        status: 200,
        body: { acr: 'phr', amr: ['hwk', 'user', 'mfa'], user: { username: user.username } },
      });
    const { body } = await signIn(tab);
    expect((await ask(tab, 'GET', '/welcome', undefined, body.access_token)).status).toBe(200);
    const removed = await ask(tab, 'DELETE', `/me/passkeys/${made.body.id}`, {}, body.access_token);
    expect(removed.status).toBe(204);
    expect(await signIn(tab)).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } });
  });

  it('signs in from the form that fills itself in (conditional mediation)', async () => {
    const tab = await openTab();
    const user = await signUp(tab);
    await enrol(tab, user.token, user.password);
    expect(await tab.page.evaluate(() => PublicKeyCredential.isConditionalMediationAvailable())).toBe(true);
    await tab.page.evaluate(() => {
      document.body.innerHTML = '<input autocomplete="username webauthn">';
    });
    expect(await signIn(tab, 'conditional')).toMatchObject({ status: 200, body: { acr: 'phr' } });
  });

  it('that is synced is told from one that is bound to its device', async () => {
    const tab = await openTab({ synced: true });
    const user = await signUp(tab);
    expect((await enrol(tab, user.token, user.password)).body.synced).toBe(true);
    expect((await signIn(tab)).body.amr).toEqual(['swk', 'user', 'mfa']);
  });

  it('is the second factor after a password', async () => {
    const tab = await openTab();
    const user = await signUp(tab);
    await enrol(tab, user.token, user.password);
    const { body } = await signIn(tab);
    const change = await ask(tab, 'PATCH', '/me/sign-in-methods', { second_factor: 'passkey' }, body.access_token);
    expect(change).toMatchObject({ status: 200, body: { second_factor: 'passkey' } });
    const { username, password } = user;
    const asked = await ask(tab, 'POST', '/auth/login', { username, password });
    expect(asked).toMatchObject({ status: 403, body: { code: 'second_factor_required' } });
    const { login_token } = asked.body;
    const given = await ask(tab, 'POST', '/auth/login/second-factor', { login_token, passkey: await answer(tab) });
    expect(given).toMatchObject({ status: 200, body: { acr: 'phr', amr: ['pwd', 'hwk', 'user', 'mfa'] } });
  });

  it('steps a session up', async () => {
    const tab = await openTab();
    const user = await signUp(tab);
    await enrol(tab, user.token, user.password);
    const stepped = await ask(tab, 'POST', '/auth/reauthenticate', { passkey: await answer(tab) }, user.token);
    expect(stepped).toMatchObject({ status: 200, body: { acr: 'phr' } });
    expect((await enrolAgain(tab, stepped.body.access_token)).name).toBe('InvalidStateError');
  });

  it('is not made twice on one authenticator: the options name those that there are', async () => {
    const tab = await openTab();
    const user = await signUp(tab);
    await enrol(tab, user.token, user.password);
    expect((await enrolAgain(tab, user.token, user.password)).name).toBe('InvalidStateError');
  });

  it('is not made and does not sign in without user verification', async () => {
    const tab = await openTab();
    const user = await signUp(tab);
    await enrol(tab, user.token, user.password);
    await tab.devtools.send('WebAuthn.setUserVerified', {
      authenticatorId: tab.authenticatorId,
      isUserVerified: false,
    });
    await expect(signIn(tab)).rejects.toThrow(/NotAllowedError/);
  });

  it('that was copied is refused once the other one is ahead', async () => {
    const tab = await openTab();
    const user = await signUp(tab);
    await enrol(tab, user.token, user.password);
    const { authenticatorId } = tab;
    const { credentials } = await tab.devtools.send('WebAuthn.getCredentials', { authenticatorId });
    const [copied] = credentials;
    if (!copied) throw new Error('There is no credential');
    expect((await signIn(tab)).status).toBe(200);
    expect((await signIn(tab)).status).toBe(200);
    await tab.devtools.send('WebAuthn.clearCredentials', { authenticatorId });
    await tab.devtools.send('WebAuthn.addCredential', { authenticatorId, credential: copied });
    expect(await signIn(tab)).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } });
  });
});

/** The error of the browser. */
async function enrolAgain(tab: Tab, token: string, password?: string): Promise<{ name: string }> {
  const { body } = await ask(tab, 'POST', '/me/passkeys/options', password ? { password } : {}, token);
  return tab.page.evaluate(async (options) => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return navigator.credentials.create({ publicKey }).then(
      () => ({ name: 'none' }),
      (error: Error) => ({ name: error.name }),
    );
  }, body.options);
}
