import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createServiceUser } from '../../src/admin/create-service-user.js';
import { createUser } from '../../src/admin/create-user.js';
import type { Hooks } from '../../src/hooks/hooks.js';
import { invite } from '../../src/invitations/invite.js';
import { importUsers } from '../../src/user-transfer/import.js';
import { linesOf, readUserLines } from '../../src/user-transfer/lines.js';
import { getToken, serviceClient } from '../oauth/clients.js';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { mailTo, settledMails } from '../support/mails.js';
import { addPasskey, signInWith } from '../support/passkeys.js';
import { goRound } from '../support/pretended-providers/go-round.js';
import { newPerson, type OpenIdProvider, startOpenIdProvider } from '../support/pretended-providers/openid.js';
import { addTotp, codeOf } from '../support/second-factor.js';

/** The hooks that were asked, in order, with the way that they were told. */
const asked: string[] = [];
const noting = (name: string) => async (told: object) => {
  asked.push('by' in told ? `${name}: ${told.by}` : name);
  return 'allow' as const;
};
const hooks: Hooks = {
  beforeSignUp: noting('beforeSignUp'),
  beforePasswordCheck: noting('beforePasswordCheck'),
  beforeLogIn: noting('beforeLogIn'),
  beforeForgotPassword: noting('beforeForgotPassword'),
};

let app: TestApp;
let corp: OpenIdProvider;
beforeAll(async () => {
  corp = await startOpenIdProvider();
  app = await startApp(corp.settings, { own: { hooks } });
});
afterAll(async () => {
  await app.stop();
  await corp.server.goAway();
});
beforeEach(() => {
  corp.person = newPerson();
});

const fresh = () => `way-${randomBytes(5).toString('hex')}`;
const freshEmail = () => `${fresh()}@example.com`;
const post = (path: string, body: object) => app.http.post(path).set('Origin', 'http://localhost:3000').send(body);
const logIn = ({ username }: Pick<SignedUp, 'username'>, more: object = {}) =>
  post('/auth/login', { username, password: goodPassword, ...more });

/** @returns the hooks that were asked while this ran */
async function hooksOf(way: () => unknown): Promise<string[]> {
  asked.length = 0;
  await way();
  return [...asked];
}

describe('A sign-up', () => {
  it('with a password, also one that waits for its mail, is asked about once', async () => {
    expect(await hooksOf(() => app.signUp())).toEqual(['beforeSignUp: password']);
    const verified = await startAppForTest({ SIGNUP: 'verified' }, { own: { hooks } });
    const email = freshEmail();
    const wanted = { username: fresh(), password: goodPassword, email };
    expect(await hooksOf(() => verified.http.post('/auth/signup').send(wanted).expect(201))).toEqual([
      'beforeSignUp: password',
    ]);
    const { token } = await mailTo(verified, email);
    expect(await hooksOf(() => verified.http.post('/auth/email/verify').send({ token }).expect(204))).toEqual([]);
  });

  it('with an invitation is asked about; the invitation is not', async () => {
    const email = freshEmail();
    expect(await hooksOf(() => invite(app.deps, { email, roles: [] }, {}, 'all'))).toEqual([]);
    const { token: invitation } = await mailTo(app, email);
    const accept = () => post('/auth/signup', { username: fresh(), password: goodPassword, invitation }).expect(201);
    expect(await hooksOf(accept)).toEqual(['beforeSignUp: invitation']);
  });

  it('with a provider is asked about, and the sign-ins that follow', async () => {
    expect(await hooksOf(() => goRound(app, corp))).toEqual(['beforeSignUp: provider']);
    expect(await hooksOf(() => goRound(app, corp))).toEqual(['beforeLogIn: provider']);
  });
});

describe('A sign-in', () => {
  it('with a password is asked about before and after the password, with a wrong one before it alone', async () => {
    const user = await app.signUp();
    expect(await hooksOf(() => logIn(user).expect(200))).toEqual(['beforePasswordCheck', 'beforeLogIn: password']);
    const wrong = () => logIn(user, { password: 'a wrong one, long enough' }).expect(401);
    expect(await hooksOf(wrong)).toEqual(['beforePasswordCheck']);
  });

  it('with a passkey is asked about once', async () => {
    const { authenticator } = await addPasskey(app, await app.signUp());
    expect(await hooksOf(() => signInWith(app, authenticator))).toEqual(['beforeLogIn: passkey']);
  });

  it('is not asked about again for its second factor', async () => {
    const user = await app.signUp();
    const { secret } = await addTotp(app, user);
    let loginToken = '';
    const first = async () => {
      loginToken = (await logIn(user).expect(403)).body.login_token;
    };
    expect(await hooksOf(first)).toEqual(['beforePasswordCheck', 'beforeLogIn: password']);
    const second = { login_token: loginToken, code: codeOf(secret) };
    expect(await hooksOf(() => post('/auth/login/second-factor', second).expect(200))).toEqual([]);
  });
});

it('A forgotten password is asked about where its mail is asked for, and not where the new one is set', async () => {
  const email = freshEmail();
  await app.signUp({ email });
  await settledMails(app);
  expect(await hooksOf(() => post('/auth/password/forgot', { email }).expect(202))).toEqual(['beforeForgotPassword']);
  const { token } = await mailTo(app, email, /new password/);
  const reset = { token, password: 'a moth between two relays' };
  expect(await hooksOf(() => post('/auth/password/reset', reset).expect(204))).toEqual([]);
});

describe('No hook is asked about', () => {
  it('a session that goes on: a refresh, a step-up, a new password', async () => {
    const user = await app.signUp();
    const goOn = async () => {
      await app.http.post('/auth/reauthenticate').set(user.bearer).send({ password: goodPassword }).expect(200);
      await post('/auth/refresh', { refresh_token: user.refreshToken }).expect(200);
      const change = { current_password: goodPassword, new_password: 'a moth between two relays' };
      await app.http.post('/me/password').set(user.bearer).send(change).expect(204);
    };
    expect(await hooksOf(goOn)).toEqual([]);
  });

  it('an API key, and a token made from it', async () => {
    const use = async () => {
      const client = await serviceClient(app, ['user'], ['todos:read']);
      await app.http.get('/todos').set('Authorization', `Bearer ${client.key}`).expect(200);
      await getToken(app, client).expect(200);
    };
    expect(await hooksOf(use)).toEqual([]);
  });

  it('users whom an operator makes: imported, by the command line, a service user, the first admin', async () => {
    async function* file() {
      yield Buffer.from(JSON.stringify({ username: fresh(), email: freshEmail() }));
    }
    const make = async () => {
      const lines = readUserLines(linesOf(file()), { localDomains: app.config.mail.localDomains });
      expect(await importUsers(app.deps, lines)).toMatchObject({ imported: 1 });
      await createUser(app.deps, { username: fresh(), passwordHash: 'x' }, {});
      await createServiceUser(app.deps, { username: fresh(), roles: [] }, {}, 'all');
      const settings = { ADMIN_USERNAME: 'boss', ADMIN_PASSWORD: goodPassword };
      const own = await startAppForTest(settings, { own: { hooks } });
      expect(await own.deps.db.user.count({ where: { username: 'boss' } })).toBe(1);
    };
    expect(await hooksOf(make)).toEqual([]);
  });
});
