import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, type SignedUp, startApp, type TestApp } from '../support/app.js';
import type { Authenticator } from '../support/authenticator.js';
import { confirm, mailTo } from '../support/mails.js';
import { addPasskey, answerOf, signInWith } from '../support/passkeys.js';
import { addTotp, codeOf, wrongCodeFor } from '../support/second-factor.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

const password = goodPassword;

type Person = SignedUp & {
  email: string;
  secret: string;
  recoveryCodes: string[];
  authenticator: Authenticator;
  /** Of a sign-in with both factors. */
  trustedDevice: string;
};

const states = ['second factor on', 'passkey only', 'trusted device'] as const;

async function person(state: (typeof states)[number]): Promise<Person> {
  const email = `${crypto.randomUUID()}@example.com`;
  const user = { ...(await app.signUp({ email })), email };
  await confirm(app, email);
  const { secret, recoveryCodes, bearer } = await addTotp(app, user);
  const { authenticator } = await addPasskey(app, { ...user, bearer });
  const more = { code: codeOf(secret), remember_device: state !== 'second factor on' };
  const trustedDevice = (await logIn(user, more)).body.device_token;
  await app.deps.db.totp.updateMany({ where: { userId: user.userId }, data: { lastStep: 0 } });
  if (state === 'passkey only')
    await app.deps.db.user.update({ where: { id: user.userId }, data: { secondFactor: 'passkey' } });
  return { ...user, bearer, secret, recoveryCodes, authenticator, trustedDevice };
}

const logIn = ({ username }: SignedUp, more: object = {}) =>
  app.http.post('/auth/login').send({ username, password, ...more });
const second = async (one: Person, more: object) => {
  const { body } = await logIn(one);
  return app.http.post('/auth/login/second-factor').send({ login_token: body.login_token, ...more });
};

async function reset({ email }: Person, to: string): Promise<void> {
  await app.http.post('/auth/password/forgot').send({ email });
  const { token } = await mailTo(app, email, /password/);
  const answer = await app.http.post('/auth/password/reset').send({ token, password: to }).expect(204);
  expect(String(answer.headers['set-cookie'])).not.toMatch(/access_token|refresh_token/);
}

const next = 'another horse battery staple';

/** Every way in, and what it gives in each state: the strength of a session, or a refusal. */
const ways: [string, (one: Person) => Promise<{ status: number; body: { acr?: string; code?: string } }>, string[]][] =
  [
    ['password', (one) => logIn(one), ['second_factor_required', 'second_factor_required', 'second_factor_required']],
    [
      'password and address',
      (one) => logIn({ ...one, username: one.email }),
      ['second_factor_required', 'second_factor_required', 'second_factor_required'],
    ],
    [
      'password on a device of before the second factor',
      (one) => logIn(one, { device_token: one.deviceToken }),
      ['second_factor_required', 'second_factor_required', 'second_factor_required'],
    ],
    [
      'password on a device that gave both factors',
      (one) => logIn(one, { device_token: one.trustedDevice }),
      ['second_factor_required', 'second_factor_required', 'aal1'],
    ],
    [
      'password and a wrong code on that device',
      (one) => logIn(one, { device_token: one.trustedDevice, code: wrongCodeFor(one.secret) }),
      ['invalid_credentials', 'invalid_credentials', 'invalid_credentials'],
    ],
    [
      'password and TOTP in one call',
      (one) => logIn(one, { code: codeOf(one.secret) }),
      ['aal2', 'invalid_credentials', 'aal2'],
    ],
    [
      'password and recovery code in one call',
      (one) => logIn(one, { code: one.recoveryCodes[0] }),
      ['aal2', 'aal2', 'aal2'],
    ],
    ['login token and TOTP', (one) => second(one, { code: codeOf(one.secret) }), ['aal2', 'invalid_code', 'aal2']],
    ['login token and recovery code', (one) => second(one, { code: one.recoveryCodes[0] }), ['aal2', 'aal2', 'aal2']],
    [
      'login token and nothing right',
      (one) => second(one, { code: '' }),
      ['invalid_code', 'invalid_code', 'invalid_code'],
    ],
    [
      'login token and passkey',
      async (one) => second(one, { passkey: await answerOf(app, one.authenticator) }),
      ['phr', 'phr', 'phr'],
    ],
    ['passkey alone', (one) => signInWith(app, one.authenticator), ['phr', 'phr', 'phr']],
    [
      'refresh token of before the second factor',
      async (one) => app.http.post('/auth/refresh').send({ refresh_token: one.refreshToken }),
      ['aal2', 'aal2', 'aal2'],
    ],
    [
      'sign-up with the same name',
      async ({ username }) => app.http.post('/auth/signup').send({ username, password }),
      ['username_taken', 'username_taken', 'username_taken'],
    ],
    [
      'new password by mail',
      async (one) => {
        await reset(one, next);
        return logIn(one, { password: next, device_token: one.trustedDevice });
      },
      ['second_factor_required', 'second_factor_required', 'second_factor_required'],
    ],
  ];

describe.each(states.map((state, index) => ({ state, index })))('With: $state,', ({ state, index }) => {
  it.each(ways)('%s gives what it proves', { timeout: 20_000 }, async (_, way, expected) => {
    const one = await person(state);
    const { status, body } = await way(one);
    expect(status === 200 ? body.acr : body.code).toBe(expected[index]);
  });
});
