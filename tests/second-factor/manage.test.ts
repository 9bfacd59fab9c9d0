import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { confirm as confirmAddress, settledMails } from '../support/mails.js';
import { expectProblem } from '../support/problem.js';
import { addTotp, codeOf, wrongCodeFor } from '../support/second-factor.js';
import { insertPasskeys } from './passkey-rows.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

type Bearer = SignedUp['bearer'];
const password = goodPassword;
const methods = async (bearer: Bearer) => (await app.http.get('/me/sign-in-methods').set(bearer).expect(200)).body;
const enrol = (bearer: Bearer, body: object = { password }) => app.http.post('/me/totp').set(bearer).send(body);
const confirm = (bearer: Bearer, id: string, code: string) =>
  app.http.post(`/me/totp/${id}/confirm`).set(bearer).send({ code });
const change = (bearer: Bearer, second_factor: string, more: object = {}) =>
  app.http
    .patch('/me/sign-in-methods')
    .set(bearer)
    .send({ second_factor, ...more });
const claimsOf = ({ Authorization }: Bearer) => jwt.decode(Authorization.slice(7)) as jwt.JwtPayload;
const welcome = (bearer: Bearer) => app.http.get('/welcome').set(bearer);
const logIn = ({ username }: SignedUp) => app.http.post('/auth/login').send({ username, password });
const eventsOf = async (userId: string) =>
  (await app.deps.db.auditEvent.findMany({ where: { userId }, orderBy: { id: 'asc' } })).map(({ action }) => action);
const otherSession = async (user: SignedUp): Promise<Bearer> => ({
  Authorization: `Bearer ${(await logIn(user).expect(200)).body.access_token}`,
});
/** A device that is trusted and a login that waits for its second factor. */
async function rememberThings({ userId }: SignedUp): Promise<void> {
  const expiresAt = new Date(Date.now() + 60_000);
  await app.deps.db.trustedDevice.create({
    data: { userId, deviceId: `${randomBytes(4).toString('hex')}`, expiresAt },
  });
  await app.deps.db.loginAttempt.create({ data: { userId, hash: randomBytes(32), epoch: 0, amr: ['pwd'], expiresAt } });
}
const remembered = async ({ userId }: SignedUp) => [
  await app.deps.db.trustedDevice.count({ where: { userId } }),
  await app.deps.db.loginAttempt.count({ where: { userId } }),
];
const verified = async (): Promise<SignedUp & { email: string }> => {
  const email = `${randomBytes(6).toString('hex')}@example.com`;
  const user = { ...(await app.signUp({ email })), email };
  await confirmAddress(app, email);
  return user;
};
const subjectsTo = async (email: string) =>
  (await settledMails(app)).filter(({ to }) => to === `<${email}>`).map(({ subject }) => subject);

describe('An authenticator app', () => {
  it('is begun by the password, and tells its secret once', async () => {
    const user = await app.signUp();
    expectProblem(await enrol(user.bearer, {}), 'validation_failed');
    expectProblem(await enrol(user.bearer, { password: 'a wrong password, this' }), 'invalid_credentials');
    const { body } = await enrol(user.bearer, { password, name: 'Ada’s phone' }).expect(201);
    expect(body).toMatchObject({
      secret: expect.stringMatching(/^[A-Z2-7]{32}$/),
      qr_svg: expect.stringMatching(/^<svg /),
    });
    expect(new URL(body.uri).pathname).toBe(`/localhost:${user.username}`);
    expect(new URL(body.uri).searchParams.get('secret')).toBe(body.secret);
    const minutes = (Date.parse(body.expires_at) - Date.now()) / 60_000;
    expect(minutes).toBeGreaterThan(14);
    expect(minutes).toBeLessThan(16);
    expect(await methods(user.bearer)).toMatchObject({ totp: [], second_factor: 'off' });
  });

  it('proves nothing and is no method before its first code; a wrong one adds nothing', async () => {
    const user = await app.signUp();
    const { body } = await enrol(user.bearer).expect(201);
    for (const code of [wrongCodeFor(body.secret), '', 'abcdef', '０１２３４５'])
      expectProblem(await confirm(user.bearer, body.id, code), 'invalid_code');
    expect(await methods(user.bearer)).toMatchObject({ totp: [], second_factor: 'off', recovery_codes: null });
    await logIn(user).expect(200);
  });

  it('turns the second factor on by its first code, and makes that session one with two factors', async () => {
    const user = await verified();
    const other = await otherSession(user);
    await rememberThings(user);
    const before = Math.floor(Date.now() / 1000);
    const { body } = await enrol(user.bearer).expect(201);
    const confirmed = (await confirm(user.bearer, body.id, codeOf(body.secret)).expect(200)).body;
    expect(confirmed).toMatchObject({ id: body.id, name: 'Authenticator' });
    expect(confirmed.recovery_codes).toHaveLength(10);
    for (const code of confirmed.recovery_codes)
      expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/);

    await welcome(user.bearer).expect(200);
    expect(claimsOf(user.bearer)).toMatchObject({ acr: 'aal1' });
    const renewed = (await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken }).expect(200)).body;
    expect(renewed).toMatchObject({ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] });
    expect(Date.parse(renewed.auth_time) / 1000).toBeGreaterThanOrEqual(before);

    expectProblem(await welcome(other), 'session_revoked');
    expect(await remembered(user)).toEqual([0, 0]);
    expect(await methods(user.bearer)).toMatchObject({
      second_factor: 'any',
      totp: [{ id: body.id, name: 'Authenticator', last_used_at: expect.any(String) }],
      recovery_codes: { left: 10 },
    });
    expect(await eventsOf(user.userId)).toEqual(
      expect.arrayContaining(['totp.added', 'second_factor.changed', 'recovery_codes.created', 'session.ended']),
    );
    expect(await subjectsTo(user.email)).toContain('The second factor is on');
  });

  it('uses its first code up, also for a login', async () => {
    const user = await app.signUp();
    const { body } = await enrol(user.bearer).expect(201);
    const step = Math.floor(Date.now() / 30_000);
    await confirm(user.bearer, body.id, codeOf(body.secret)).expect(200);
    const { lastStep } = await app.deps.db.totp.findUniqueOrThrow({ where: { id: body.id } });
    expect([step, step + 1]).toContain(Number(lastStep));
    expectProblem(await confirm(user.bearer, body.id, codeOf(body.secret)), 'not_found');
  });

  it('waits 15 minutes, for a code from its own session, and no longer', async () => {
    const user = await app.signUp();
    const other = await otherSession(user);
    const { body } = await enrol(user.bearer).expect(201);
    expectProblem(await confirm(other, body.id, codeOf(body.secret)), 'not_found');
    expectProblem(await confirm((await app.signUp()).bearer, body.id, codeOf(body.secret)), 'not_found');
    await app.deps.db
      .$executeRaw`UPDATE totp SET created_at = created_at - interval '901 seconds' WHERE id = ${body.id}::uuid`;
    expectProblem(await confirm(user.bearer, body.id, codeOf(body.secret)), 'not_found');
  });

  it('gives way to a newer one while it waits, and stays once it is confirmed', async () => {
    const user = await app.signUp();
    const first = (await enrol(user.bearer).expect(201)).body;
    const second = (await enrol(user.bearer).expect(201)).body;
    expectProblem(await confirm(user.bearer, first.id, codeOf(first.secret)), 'not_found');
    await confirm(user.bearer, second.id, codeOf(second.secret)).expect(200);
    const { bearer } = await renew(user);
    await enrol(bearer, {}).expect(201);
    expect((await methods(bearer)).totp).toHaveLength(1);
  });

  it('is one of at most five', async () => {
    const user = await app.signUp();
    const { bearer } = await addTotp(app, user);
    for (let more = 0; more < 4; more++) await addMore(bearer);
    expectProblem(await enrol(bearer, {}), 'too_many');
    expect((await methods(bearer)).totp).toHaveLength(5);
  });

  it('that is one more ends no session, voids half-done logins, and leaves the recovery codes', async () => {
    const user = await verified();
    const { bearer } = await addTotp(app, user);
    await rememberThings(user);
    expect((await addMore(bearer)).recovery_codes).toBeUndefined();
    expect(await remembered(user)).toEqual([1, 0]);
    expect(await methods(bearer)).toMatchObject({ second_factor: 'any', recovery_codes: { left: 10 } });
    expect(await subjectsTo(user.email)).toContain('An authenticator app was added');
  });

  it('can be renamed, by its user alone', async () => {
    const user = await app.signUp();
    const { id, bearer } = await addTotp(app, user);
    const rename = (by: Bearer, name: unknown) => app.http.patch(`/me/totp/${id}`).set(by).send({ name });
    expect((await rename(bearer, 'Work phone').expect(200)).body).toMatchObject({ id, name: 'Work phone' });
    for (const name of ['', 'x'.repeat(65), 'nul\0']) expectProblem(await rename(bearer, name), 'validation_failed');
    expectProblem(await rename((await app.signUp()).bearer, 'Mine'), 'not_found');
    expect((await methods(bearer)).totp).toMatchObject([{ name: 'Work phone' }]);
  });

  it('cannot be added under an address that is not verified, nor can recovery codes', async () => {
    const user = await app.signUp({ email: 'not-verified@example.com' });
    expectProblem(await enrol(user.bearer), 'email_unverified');
    const codes = await app.http.post('/me/recovery-codes').set(user.bearer).send({ password });
    expectProblem(codes, 'email_unverified');
  });

  it('cannot be added or removed with an access token alone', async () => {
    const user = await app.signUp();
    const { id, bearer } = await addTotp(app, user);
    const stale = user.bearer;
    const asks = [
      enrol(stale),
      app.http.delete(`/me/totp/${id}`).set(stale).send({ password }),
      app.http.post('/me/recovery-codes').set(stale).send({ password }),
      change(stale, 'off', { password }),
      app.http.delete('/me/password').set(stale).send({ password }),
      app.http.patch('/me').set(stale).send({ email: 'thief@example.com', password }),
      app.http
        .post('/me/password')
        .set(stale)
        .send({ current_password: password, new_password: 'a moth between two relays' }),
      app.http.delete('/me').set(stale).send({ password }),
    ];
    for (const ask of asks) {
      const answer = await ask;
      expectProblem(answer, 'insufficient_user_authentication');
      expect(answer.body).toMatchObject({ acr_values: 'aal2', max_age: 900 });
      expect(answer.headers['www-authenticate']).toContain('acr_values="aal2"');
    }
    expect((await methods(bearer)).totp).toHaveLength(1);
  });

  it('counts wrong first codes with the wrong codes of sign-ins', async () => {
    const limited = await startAppForTest({ RATE_LIMIT: 'on' });
    const user = await limited.signUp();
    const { body } = await limited.http.post('/me/totp').set(user.bearer).send({ password }).expect(201);
    const answers = [];
    for (let time = 0; time < 6; time++)
      answers.push(
        await limited.http
          .post(`/me/totp/${body.id}/confirm`)
          .set(user.bearer)
          .send({ code: wrongCodeFor(body.secret) }),
      );
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429]);
  });
});

describe('Removing the last authenticator app', () => {
  it('turns the second factor off, ends other sessions and voids the recovery codes', async () => {
    const user = await verified();
    const { id, bearer } = await addTotp(app, user);
    const other = await sessionBesides(user);
    await rememberThings(user);
    await app.http.delete(`/me/totp/${id}`).set(bearer).expect(204);
    expect(await methods(bearer)).toMatchObject({ second_factor: 'off', totp: [], recovery_codes: null });
    expect(await remembered(user)).toEqual([0, 0]);
    expect(await sessionIsLive(other)).toBe(false);
    await welcome(bearer).expect(200);
    await logIn(user).expect(200);
    expect(await eventsOf(user.userId)).toEqual(expect.arrayContaining(['totp.removed', 'second_factor.changed']));
    expect(await subjectsTo(user.email)).toContain('The second factor is off');
    expectProblem(await app.http.delete(`/me/totp/${id}`).set(bearer), 'not_found');
  });

  it('leaves it on while another one is there', async () => {
    const user = await verified();
    const { id, bearer } = await addTotp(app, user);
    await addMore(bearer);
    await app.http.delete(`/me/totp/${id}`).set(bearer).expect(204);
    expect(await methods(bearer)).toMatchObject({ second_factor: 'any', recovery_codes: { left: 10 } });
    expect(await subjectsTo(user.email)).toContain('An authenticator app was removed');
  });

  it('of somebody else is not possible', async () => {
    const { id, bearer } = await addTotp(app, await app.signUp());
    const thief = await app.signUp();
    expectProblem(await app.http.delete(`/me/totp/${id}`).set(thief.bearer).send({ password }), 'not_found');
    expect((await methods(bearer)).totp).toHaveLength(1);
  });
});

describe('PATCH /me/sign-in-methods', () => {
  it('turns the second factor off and on again, and ends other sessions each time', async () => {
    const user = await verified();
    const { bearer } = await addTotp(app, user);
    for (const to of ['off', 'any']) {
      const other = await sessionBesides(user);
      expect((await change(bearer, to).expect(200)).body).toMatchObject({ second_factor: to, totp: [{}] });
      expect(await sessionIsLive(other)).toBe(false);
      await welcome(bearer).expect(200);
    }
    const kept = await sessionBesides(user);
    await change(bearer, 'any').expect(200);
    expect(await sessionIsLive(kept)).toBe(true);
    expect(await subjectsTo(user.email)).toEqual(
      expect.arrayContaining(['The second factor is off', 'The second factor is on']),
    );
  });

  it('turns nothing on that could not be asked for', async () => {
    const user = await app.signUp();
    for (const to of ['any', 'passkey'])
      expectProblem(await change(user.bearer, to, { password }), 'last_sign_in_method');
    await insertPasskeys(app, user.userId, 1);
    await change(user.bearer, 'any', { password }).expect(200);
  });

  it('takes passkeys alone only from who has two, or one and recovery codes', async () => {
    const user = await app.signUp();
    const { bearer } = await addTotp(app, user);
    expectProblem(await change(bearer, 'passkey'), 'last_sign_in_method');
    await insertPasskeys(app, user.userId, 1);
    await app.deps.db.recoveryCode.deleteMany({ where: { userId: user.userId } });
    expectProblem(await change(bearer, 'passkey'), 'last_sign_in_method');
    await insertPasskeys(app, user.userId, 1);
    expect((await change(bearer, 'passkey').expect(200)).body).toMatchObject({ second_factor: 'passkey' });
    // Adding an app does not make it weaker again.
    await addMore(bearer);
    expect(await methods(bearer)).toMatchObject({ second_factor: 'passkey' });
  });

  it('needs the password, where the second factor is off', async () => {
    const user = await app.signUp();
    await insertPasskeys(app, user.userId, 1);
    expectProblem(await change(user.bearer, 'any'), 'validation_failed');
    expectProblem(await change(user.bearer, 'any', { password: 'a wrong password, this' }), 'invalid_credentials');
    expectProblem(await change(user.bearer, 'sometimes', { password }), 'validation_failed');
  });
});

describe('Recovery codes', () => {
  it('are made anew: the former ones are gone, and other sessions end', async () => {
    const user = await verified();
    const { bearer } = await addTotp(app, user);
    const hashes = async () =>
      (await app.deps.db.recoveryCode.findMany({ where: { userId: user.userId } })).map(({ hash }) =>
        Buffer.from(hash).toString('hex'),
      );
    const former = await hashes();
    const other = await sessionBesides(user);
    const { body } = await app.http.post('/me/recovery-codes').set(bearer).expect(200);
    expect(new Set(body.recovery_codes).size).toBe(10);
    const now = await hashes();
    expect(now).toHaveLength(10);
    expect(now.filter((hash) => former.includes(hash))).toEqual([]);
    expect(await sessionIsLive(other)).toBe(false);
    expect(await subjectsTo(user.email)).toContain('You have new recovery codes');
  });
});

describe('DELETE /me/password', () => {
  it('needs a passkey and recovery codes', async () => {
    const user = await verified();
    const remove = (bearer: Bearer) => app.http.delete('/me/password').set(bearer).send({ password });
    expectProblem(await remove(user.bearer), 'last_sign_in_method');
    await insertPasskeys(app, user.userId, 1);
    expectProblem(await remove(user.bearer), 'last_sign_in_method');
    const { bearer } = await addTotp(app, user);
    const other = await sessionBesides(user);
    await remove(bearer).expect(204);
    expect(await methods(bearer)).toMatchObject({ password: false, passkeys: [{ synced: true }] });
    expect(await sessionIsLive(other)).toBe(false);
    expectProblem(await logIn(user), 'invalid_credentials');
    expect(await subjectsTo(user.email)).toContain('Your password was removed');
    // Again, it is no error.
    await remove(bearer).expect(204);
    // A password can be set again without one.
    await app.http.post('/me/password').set(bearer).send({ new_password: 'a moth between two relays' }).expect(204);
    expect(await methods(bearer)).toMatchObject({ password: true });
  });

  it('keeps the last passkey of a user without a password', async () => {
    const user = await app.signUp();
    await insertPasskeys(app, user.userId, 1);
    const { id, bearer } = await addTotp(app, user);
    await app.http.delete('/me/password').set(bearer).send({ password }).expect(204);
    await app.http.delete(`/me/totp/${id}`).set(bearer).expect(204);
    expect(await methods(bearer)).toMatchObject({ password: false, passkeys: [{}], second_factor: 'any' });
  });
});

it('DELETE /me/trusted-devices forgets all of them, and ends nothing', async () => {
  const user = await app.signUp();
  const other = await otherSession(user);
  await rememberThings(user);
  expect((await methods(user.bearer)).trusted_devices).toHaveLength(1);
  for (let time = 0; time < 2; time++) await app.http.delete('/me/trusted-devices').set(user.bearer).expect(204);
  expect((await methods(user.bearer)).trusted_devices).toEqual([]);
  await welcome(other).expect(200);
  expect((await eventsOf(user.userId)).filter((action) => action === 'device.forgotten')).toHaveLength(1);
});

it.each([
  [
    'a new password',
    (user: SignedUp) =>
      app.http
        .post('/me/password')
        .set(user.bearer)
        .send({ current_password: password, new_password: 'a moth between two relays' }),
  ],
  ['a logout everywhere', (user: SignedUp) => app.http.post('/auth/logout-all').set(user.bearer)],
] as const)('%s forgets trusted devices and half-done logins', async (_name, act) => {
  const user = await app.signUp();
  await rememberThings(user);
  await act(user).expect(204);
  expect(await remembered(user)).toEqual([0, 0]);
});

async function addMore(bearer: Bearer) {
  const { body } = await enrol(bearer, {}).expect(201);
  return (await confirm(bearer, body.id, codeOf(body.secret)).expect(200)).body;
}

async function renew({ refreshToken }: SignedUp): Promise<{ bearer: Bearer }> {
  const { body } = await app.http.post('/auth/refresh').send({ refresh_token: refreshToken }).expect(200);
  return { bearer: { Authorization: `Bearer ${body.access_token}` } };
}

/** Another live session of the user, whatever the second factor is. @returns its id */
async function sessionBesides({ userId }: SignedUp): Promise<string> {
  const { epoch } = await app.deps.db.user.findUniqueOrThrow({ where: { id: userId } });
  const [row] = await app.deps.db.$queryRaw<{ id: string }[]>`
    INSERT INTO session (id, user_id, epoch, nonce_hash, access_expires_at)
    VALUES (gen_random_uuid(), ${userId}::uuid, ${epoch}, sha256('x'), clock_timestamp() + interval '1 hour')
    RETURNING id::text`;
  return row?.id ?? '';
}

async function sessionIsLive(id: string): Promise<boolean> {
  const { endedAt } = await app.deps.db.session.findUniqueOrThrow({ where: { id } });
  return endedAt === null;
}
