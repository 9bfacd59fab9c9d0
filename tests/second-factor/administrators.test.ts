import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { userCommands } from '../../src/admin/user-commands.js';
import { parse } from '../../src/platform/cli/parse.js';
import { purgeSecondFactors } from '../../src/second-factor/purge.js';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { confirm as confirmAddress, settledMails } from '../support/mails.js';
import { expectProblem } from '../support/problem.js';
import { withRole } from '../support/rows.js';
import { addTotp } from '../support/second-factor.js';
import { insertPasskeys } from './passkey-rows.js';

let app: TestApp;
let admin: SignedUp;
beforeAll(async () => {
  app = await startApp();
  admin = await withRole(app, await app.signUp(), 'admin');
});
afterAll(() => app.stop());

const password = goodPassword;
const reset = (id: string, by: SignedUp['bearer'] = admin.bearer, body: object = { password }) =>
  app.http.delete(`/admin/users/${id}/second-factors`).set(by).send(body);
const methods = async (id: string) =>
  (await app.http.get(`/admin/users/${id}/sign-in-methods`).set(admin.bearer).expect(200)).body;

/** A command as an operator types it. */
async function command(...argv: string[]) {
  const parsed = parse(argv, userCommands);
  if ('help' in parsed) throw new Error('This is no command.');
  return parsed.command.run(app.deps, parsed.args);
}

async function userWithEverything(): Promise<SignedUp & { email: string }> {
  const email = `everything-${Math.random()}@example.com`;
  const user = { ...(await app.signUp({ email })), email };
  await confirmAddress(app, email);
  await insertPasskeys(app, user.userId, 1);
  await addTotp(app, user);
  return user;
}

async function expectNothingLeft(user: SignedUp): Promise<void> {
  expect(await methods(user.userId)).toMatchObject({
    password: true,
    second_factor: 'off',
    totp: [],
    passkeys: [],
    recovery_codes: null,
  });
  expectProblem(await app.http.get('/welcome').set(user.bearer), 'session_revoked');
  await app.http.post('/auth/login').send({ username: user.username, password }).expect(200);
}

describe('An administrator', () => {
  it('sees what a user can sign in with, without what serves the user’s browser', async () => {
    const user = await userWithEverything();
    const seen = await methods(user.userId);
    expect(seen).toMatchObject({
      password: true,
      second_factor: 'any',
      totp: [{ name: 'Authenticator' }],
      passkeys: [{ name: 'Passkey', rp_id: 'localhost' }],
      recovery_codes: { left: 10 },
    });
    expect(JSON.stringify(seen)).not.toMatch(/credential_id|user_handle/);
    expectProblem(
      await app.http.get('/admin/users/01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31/sign-in-methods').set(admin.bearer),
      'not_found',
    );
  });

  it('removes all second factors of a user who has lost them, by their own password, and the user is told', async () => {
    const user = await userWithEverything();
    expectProblem(await reset(user.userId, admin.bearer, {}), 'validation_failed');
    expectProblem(
      await reset(user.userId, admin.bearer, { password: 'a wrong password, this' }),
      'invalid_credentials',
    );
    expect(await methods(user.userId)).toMatchObject({ second_factor: 'any' });
    await reset(user.userId).expect(204);
    await expectNothingLeft(user);
    const [event] = await app.deps.db.auditEvent.findMany({
      where: { userId: user.userId, action: 'second_factor.reset' },
    });
    expect(event).toMatchObject({ actorId: admin.userId });
    const mail = (await settledMails(app)).find(
      ({ to, subject }) => to === `<${user.email}>` && subject === 'Your second factors were removed',
    );
    expect(mail?.text).toContain('please tell the people who run this service');
    expect(mail?.text).not.toContain('address 127.0.0.1');
  });

  it('cannot remove those of nobody', async () => {
    expectProblem(await reset('01a2039f-66e8-7b4c-9c51-6a5d8f0e2b31'), 'not_found');
  });

  it('whose own second factor is on needs a fresh sign-in with it', async () => {
    const careful = await withRole(app, await app.signUp(), 'admin');
    const { bearer } = await addTotp(app, careful);
    const user = await userWithEverything();
    expectProblem(await reset(user.userId, careful.bearer), 'insufficient_user_authentication');
    await reset(user.userId, bearer, {}).expect(204);
  });
});

describe('Whoever removes all second factors', () => {
  it('is refused where nothing would be left to sign in with', async () => {
    const user = await app.signUp();
    await insertPasskeys(app, user.userId, 1);
    await app.deps.db.user.update({ where: { id: user.userId }, data: { passwordHash: null } });
    expectProblem(await reset(user.userId), 'last_sign_in_method');
    const operator = command('users', 'reset-second-factor', '--yes', user.username);
    await expect(operator).rejects.toThrow(/nothing would be left/);
    expect((await methods(user.userId)).passkeys).toHaveLength(1);
    await app.deps.db.user.update({ where: { id: user.userId }, data: { email: 'a@b.test', emailKey: 'a@b.test' } });
    await reset(user.userId).expect(204);
  });
});

describe('The operator', () => {
  it('removes all second factors of a user, if that is meant', async () => {
    const user = await userWithEverything();
    await expect(command('users', 'reset-second-factor', user.username)).rejects.toThrow('To do it, add --yes.');
    await expect(command('users', 'reset-second-factor', '--yes', 'nobody-here')).rejects.toThrow('There is no user');
    const { json } = await command('users', 'reset-second-factor', '--yes', user.username);
    expect(json).toEqual({ id: user.userId, username: user.username, second_factor: 'off' });
    await expectNothingLeft(user);
  });

  it('sees what a user can sign in with', async () => {
    const user = await userWithEverything();
    const { json, text } = await command('users', 'show', user.username);
    expect(json).toMatchObject({
      username: user.username,
      sign_in_methods: {
        password: true,
        second_factor: 'any',
        totp: 1,
        passkeys: 1,
        recovery_codes: 10,
        identities: [],
      },
    });
    expect(text).toMatch(/methods +password, 1 authenticator app, 1 passkey, 10 recovery codes$/m);
  });
});

it('with REQUIRED_ACR, the first app is added by the password, and everything else waits for it', async () => {
  const strict = await startAppForTest({ REQUIRED_ACR: 'aal2' });
  const user = await strict.signUp();
  const get = (path: string, bearer: SignedUp['bearer']) => strict.http.get(path).set(bearer);
  expectProblem(await get('/welcome', user.bearer), 'insufficient_user_authentication');
  expect((await get('/me/sign-in-methods', user.bearer).expect(200)).body).toMatchObject({ required_acr: 'aal2' });
  const { id, bearer } = await addTotp(strict, user);
  await get('/welcome', bearer).expect(200);
  expectProblem(await strict.http.delete(`/me/totp/${id}`).set(bearer), 'last_sign_in_method');
  expectProblem(
    await strict.http.patch('/me/sign-in-methods').set(bearer).send({ second_factor: 'off' }),
    'last_sign_in_method',
  );
});

it('with REQUIRED_ACR, the password alone adds no app to a user who has a passkey', async () => {
  const strict = await startAppForTest({ REQUIRED_ACR: 'aal2' });
  const user = await strict.signUp();
  await insertPasskeys(strict, user.userId, 1);
  expectProblem(
    await strict.http.post('/me/totp').set(user.bearer).send({ password }),
    'insufficient_user_authentication',
  );
});

it('what was never confirmed or has run out is purged', async () => {
  const user = await app.signUp();
  const { userId } = user;
  await app.http.post('/me/totp').set(user.bearer).send({ password }).expect(201);
  await purgeSecondFactors(app.deps);
  expect(await app.deps.db.totp.count({ where: { userId } })).toBe(1);
  const confirmed = await app.signUp();
  await addTotp(app, confirmed);
  await app.deps.db.$executeRaw`UPDATE totp SET created_at = created_at - interval '16 minutes'`;
  const [past, future] = [new Date(Date.now() - 60_000), new Date(Date.now() + 60_000)];
  for (const expiresAt of [past, future]) {
    const hash = Buffer.from(`hash of ${expiresAt.toISOString()}`);
    await app.deps.db.loginAttempt.create({ data: { userId, hash, epoch: 0, amr: ['pwd'], expiresAt } });
    await app.deps.db.trustedDevice.create({ data: { userId, deviceId: `${expiresAt.getTime()}`, expiresAt } });
  }
  await purgeSecondFactors(app.deps);
  expect([
    await app.deps.db.totp.count({ where: { userId } }),
    await app.deps.db.totp.count({ where: { userId: confirmed.userId } }),
    await app.deps.db.loginAttempt.count({ where: { userId } }),
    await app.deps.db.trustedDevice.count({ where: { userId } }),
  ]).toEqual([0, 1, 1, 1]);
});

it('the export of a user has methods and times, and no secret', async () => {
  const user = await app.signUp();
  const { id, secret, bearer } = await addTotp(app, user);
  const { body } = await app.http.get('/me/export').set(bearer).expect(200);
  expect(body).toMatchObject({ user: { password: true, second_factor: 'any' }, totp: [{ id, name: 'Authenticator' }] });
  expect(body.recovery_codes).toHaveLength(10);
  expect(JSON.stringify(body)).not.toContain(secret);
});
