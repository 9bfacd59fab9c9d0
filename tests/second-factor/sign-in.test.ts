import { createHash } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, type SignedUp, startApp, type TestApp } from '../support/app.js';
import { confirm as confirmAddress, settledMails } from '../support/mails.js';
import { addPasskey, answerOf } from '../support/passkeys.js';
import { expectProblem } from '../support/problem.js';
import { addTotp, codeOf, wrongCodeFor } from '../support/second-factor.js';
import { insertPasskeys } from './passkey-rows.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

const password = goodPassword;

type Enrolled = SignedUp & { secret: string; recoveryCodes: string[]; totpId: string };

async function withTotp(fields: Record<string, unknown> = {}): Promise<Enrolled> {
  const user = await app.signUp(fields);
  const { secret, recoveryCodes, bearer, id } = await addTotp(app, user);
  return { ...user, secret, recoveryCodes, bearer, totpId: id };
}

const logIn = ({ username }: SignedUp, more: object = {}) =>
  app.http.post('/auth/login').send({ username, password, ...more });
const second = (login_token: string, more: object) =>
  app.http.post('/auth/login/second-factor').send({ login_token, ...more });
const challenged = async (user: SignedUp): Promise<string> => (await logIn(user).expect(403)).body.login_token;
const again = (user: SignedUp, body: object) => app.http.post('/auth/reauthenticate').set(user.bearer).send(body);
const rowOf = (token: string) =>
  app.deps.db.loginAttempt.findUnique({ where: { hash: createHash('sha256').update(token).digest() } });

const eventsOf = async ({ userId }: SignedUp) =>
  (await app.deps.db.auditEvent.findMany({ where: { userId }, orderBy: { id: 'asc' } })).map(({ action }) => action);
const wrongCodesOf = async ({ userId }: SignedUp) =>
  (await app.deps.db.user.findUniqueOrThrow({ where: { id: userId } })).wrongCodes;
const setWrongCodes = ({ userId }: SignedUp, wrongCodes: number) =>
  app.deps.db.user.update({ where: { id: userId }, data: { wrongCodes } });
const trusted = ({ userId }: SignedUp) => app.deps.db.trustedDevice.count({ where: { userId } });
const passkeyOnly = ({ userId }: SignedUp) =>
  app.deps.db.user.update({ where: { id: userId }, data: { secondFactor: 'passkey' } });

describe('A login with a second factor', () => {
  it('has a second step, and no token before it', async () => {
    const user = await withTotp();
    const answer = await logIn(user);
    expectProblem(answer, 'second_factor_required');
    expect(answer.body).toMatchObject({ expires_in: 300, methods: ['totp', 'recovery_code'] });
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(JSON.stringify(answer.body)).not.toMatch(/access_token|refresh_token/);
    const { body } = await second(answer.body.login_token, { code: codeOf(user.secret) }).expect(200);
    expect(body).toMatchObject({ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'], user: { id: user.userId } });
    expect(body.recovery_codes_left).toBeUndefined();
    expect(jwt.decode(body.access_token)).toMatchObject({ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] });
    await app.http
      .get('/me')
      .set({ Authorization: `Bearer ${body.access_token}` })
      .expect(200);
    expectProblem(await second(answer.body.login_token, { code: codeOf(user.secret, 1) }), 'login_expired');
    expect(await rowOf(answer.body.login_token)).toBeNull();
    expect(await eventsOf(user)).toContain('login.challenged');
  });

  it('takes a code once, whatever the login token', async () => {
    const user = await withTotp();
    const [one, other] = [await challenged(user), await challenged(user)];
    const code = codeOf(user.secret);
    await second(one, { code }).expect(200);
    expectProblem(await second(other, { code }), 'invalid_code');
    await second(other, { code: codeOf(user.secret, 1) }).expect(200);
  });

  it('ends its login token with five wrong codes, after five minutes, and with a change of the user', async () => {
    const user = await withTotp();
    const token = await challenged(user);
    for (let tries = 0; tries < 5; tries += 1)
      expectProblem(await second(token, { code: wrongCodeFor(user.secret) }), 'invalid_code');
    expectProblem(await second(token, { code: codeOf(user.secret) }), 'login_expired');
    const late = await challenged(user);
    await app.deps.db
      .$executeRaw`UPDATE login_attempt SET expires_at = clock_timestamp() WHERE user_id = ${user.userId}::uuid`;
    expectProblem(await second(late, { code: codeOf(user.secret) }), 'login_expired');
    const before = await challenged(user);
    await app.http.post('/auth/logout-all').set(user.bearer).expect(204);
    expectProblem(await second(before, { code: codeOf(user.secret) }), 'login_expired');
    for (const made of ['x', 'a'.repeat(43)]) expectProblem(await second(made, { code: '123456' }), 'login_expired');
  });

  it('takes a recovery code once, in any spelling, and tells how many are left', async () => {
    const email = `${crypto.randomUUID()}@example.com`;
    const plain = await app.signUp({ email });
    await confirmAddress(app, email);
    const { recoveryCodes } = await addTotp(app, plain);
    const [first = '', next = ''] = recoveryCodes;
    const { body } = await second(await challenged(plain), { code: first.toLowerCase().replaceAll('-', '') }).expect(
      200,
    );
    expect(body).toMatchObject({ acr: 'aal2', amr: ['pwd', 'recovery', 'mfa'], recovery_codes_left: 9 });
    expectProblem(await second(await challenged(plain), { code: first }), 'invalid_code');
    for (const code of recoveryCodes.slice(2, 8)) await second(await challenged(plain), { code }).expect(200);
    const subjects = (await settledMails(app)).filter(({ to }) => to === `<${email}>`).map(({ subject }) => subject);
    expect(subjects).toContain('A recovery code was used');
    expect(subjects).toContain('You have three recovery codes left');
    expect((await logIn(plain, { code: next }).expect(200)).body.recovery_codes_left).toBe(2);
    expect((await eventsOf(plain)).filter((action) => action === 'recovery_code.used')).toHaveLength(8);
  });

  it('may be one call; a wrong code is answered as a wrong password', async () => {
    const user = await withTotp();
    const { body } = await logIn(user, { code: codeOf(user.secret) }).expect(200);
    expect(body).toMatchObject({ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] });
    const wrong = [
      await logIn(user, { code: wrongCodeFor(user.secret) }),
      await logIn(user, { code: codeOf(user.secret) }),
      await logIn(user, { code: '' }),
    ];
    const wrongPassword = await logIn(user, { code: codeOf(user.secret, 1), password: 'not the password at all' });
    expectProblem(wrongPassword, 'invalid_credentials');
    const seen = ({ status, body: { request_id: _, ...rest } }: typeof wrongPassword) => [status, rest];
    for (const answer of wrong) expect(seen(answer)).toEqual(seen(wrongPassword));
    expect(await eventsOf(user)).toContain('second_factor.failed');
  });

  it('sees no code where the second factor is off', async () => {
    const user = await app.signUp();
    expect((await logIn(user, { code: 'anything' }).expect(200)).body).toMatchObject({ acr: 'aal1', amr: ['pwd'] });
    await logIn(user, { remember_device: true }).expect(200);
    expect(await trusted(user)).toBe(0);
  });

  it('with passkeys alone takes no code of an app, and a recovery code', async () => {
    const user = await withTotp();
    await insertPasskeys(app, user.userId, 2);
    await passkeyOnly(user);
    const answer = await logIn(user);
    expect(answer.body.methods).toEqual(['passkey', 'recovery_code']);
    expectProblem(await second(answer.body.login_token, { code: codeOf(user.secret) }), 'invalid_code');
    expectProblem(await logIn(user, { code: codeOf(user.secret) }), 'invalid_credentials');
    await second(answer.body.login_token, { code: user.recoveryCodes[0] }).expect(200);
  });

  it('takes a passkey of the same user, once', async () => {
    const user = await withTotp();
    const { authenticator } = await addPasskey(app, user);
    const other = await addPasskey(app, await app.signUp());
    const token = await challenged(user);
    const wrong = await answerOf(app, other.authenticator);
    expectProblem(await second(token, { passkey: wrong }), 'invalid_credentials');
    expectProblem(await second(token, { passkey: { id: 'x' } }), 'validation_failed');
    expect(await wrongCodesOf(user)).toBe(0);
    await setWrongCodes(user, 100);
    const passkey = await answerOf(app, authenticator);
    const { body } = await second(token, { passkey }).expect(200);
    expect(body).toMatchObject({ acr: 'phr', amr: ['pwd', 'swk', 'user', 'mfa'], user: { id: user.userId } });
    expect(await wrongCodesOf(user)).toBe(0);
    expectProblem(await second(await challenged(user), { passkey }), 'challenge_expired');
  });

  it('needs exactly one factor in the body', async () => {
    const token = await challenged(await withTotp());
    expectProblem(await second(token, {}), 'validation_failed');
    expectProblem(await second(token, { code: '123456', passkey: { id: 'x' } }), 'validation_failed');
  });

  it('gives its tokens by cookie where that is asked for, and only to our own pages', async () => {
    const user = await withTotp();
    const token = await challenged(user);
    const body = { login_token: token, code: codeOf(user.secret), transport: 'cookie' };
    const from = (origin: string) => app.http.post('/auth/login/second-factor').set('Origin', origin).send(body);
    expectProblem(await from('https://evil.example'), 'csrf_rejected');
    const answer = await from('http://localhost:3000').expect(200);
    expect(answer.body.access_token).toBeUndefined();
    expect(String(answer.headers['set-cookie'])).toMatch(/access_token=.*refresh_token=.*device=/);
  });

  it('answers a disabled user only after the password, and gives no session', async () => {
    const user = await withTotp();
    const token = await challenged(user);
    await app.deps.db.user.update({ where: { id: user.userId }, data: { disabledAt: new Date() } });
    expectProblem(await second(token, { code: codeOf(user.secret) }), 'login_expired');
    expectProblem(await logIn(user), 'account_disabled');
  });
});

describe('A trusted device', () => {
  const trusting = async (user: Enrolled, code = codeOf(user.secret)): Promise<string> =>
    (await logIn(user, { code, remember_device: true }).expect(200)).body.device_token;

  it('is spared the second factor, and its sign-in counts as one factor', async () => {
    const user = await withTotp();
    const token = await challenged(user);
    const asked = { code: codeOf(user.secret), remember_device: true };
    const device_token = (await second(token, asked).expect(200)).body.device_token;
    expect((await logIn(user, { device_token }).expect(200)).body).toMatchObject({ acr: 'aal1', amr: ['pwd'] });
    expectProblem(await logIn(user), 'second_factor_required');
    expectProblem(await logIn(user, { device_token: user.deviceToken }), 'second_factor_required');
    expectProblem(await logIn(user, { device_token, code: wrongCodeFor(user.secret) }), 'invalid_credentials');
    expect(await eventsOf(user)).toContain('device.trusted');
  });

  it('is only of who gave the second factor on it, and asked for that', async () => {
    const user = await withTotp();
    const { body } = await logIn(user, { code: codeOf(user.secret) }).expect(200);
    expectProblem(await logIn(user, { device_token: body.device_token }), 'second_factor_required');
    const other = await withTotp();
    expectProblem(
      await logIn(other, { device_token: await trusting(user, codeOf(user.secret, 1)) }),
      'second_factor_required',
    );
  });

  it('counts no more where only passkeys are taken, when it is old, and when it was forgotten', async () => {
    const user = await withTotp();
    const device_token = await trusting(user);
    const { secondFactor } = await passkeyOnly(user);
    expectProblem(await logIn(user, { device_token }), 'second_factor_required');
    expect(secondFactor).toBe('passkey');
    await app.deps.db.user.update({ where: { id: user.userId }, data: { secondFactor: 'any' } });
    await logIn(user, { device_token }).expect(200);
    await app.deps.db
      .$executeRaw`UPDATE trusted_device SET expires_at = clock_timestamp() WHERE user_id = ${user.userId}::uuid`;
    expectProblem(await logIn(user, { device_token }), 'second_factor_required');
    await trusting(user, codeOf(user.secret, 1));
    await app.http.delete('/me/trusted-devices').set(user.bearer).expect(204);
    expectProblem(await logIn(user, { device_token }), 'second_factor_required');
  });

  it('is forgotten with a new password and by ending all sessions', async () => {
    for (const end of ['password', 'logout-all']) {
      const user = await withTotp();
      const device_token = await trusting(user);
      const token = await challenged(user);
      const next = 'another horse battery staple';
      if (end === 'logout-all') await app.http.post('/auth/logout-all').set(user.bearer).expect(204);
      else
        await app.http
          .post('/me/password')
          .set(user.bearer)
          .send({ current_password: password, new_password: next })
          .expect(204);
      expect([await trusted(user), await rowOf(token)]).toEqual([0, null]);
      const again = await logIn(user, { device_token, ...(end === 'password' && { password: next }) });
      expectProblem(again, 'second_factor_required');
    }
  });

  it('is one of twenty at most; then the oldest is forgotten', async () => {
    const user = await withTotp();
    const rows = Array.from({ length: 20 }, (_, n) => ({
      userId: user.userId,
      deviceId: `device-${n}`,
      createdAt: new Date(Date.now() - (n + 1) * 60_000),
      expiresAt: new Date(Date.now() + 60_000),
    }));
    await app.deps.db.trustedDevice.createMany({ data: rows });
    await trusting(user);
    expect(await trusted(user)).toBe(20);
    const oldest = { userId_deviceId: { userId: user.userId, deviceId: 'device-19' } };
    expect(await app.deps.db.trustedDevice.findUnique({ where: oldest })).toBeNull();
  });
});

describe('Wrong codes', () => {
  it('are counted in a row, and begin anew with a right one', async () => {
    const user = await withTotp();
    const token = await challenged(user);
    for (let tries = 1; tries <= 3; tries += 1) {
      expectProblem(await second(token, { code: wrongCodeFor(user.secret) }), 'invalid_code');
      expect(await wrongCodesOf(user)).toBe(tries);
    }
    await second(token, { code: codeOf(user.secret) }).expect(200);
    expect(await wrongCodesOf(user)).toBe(0);
  });

  it('are counted only after the right password', async () => {
    const user = await withTotp();
    for (const code of ['000000', codeOf(user.secret)])
      expectProblem(await logIn(user, { code, password: 'not the password at all' }), 'invalid_credentials');
    expect(await wrongCodesOf(user)).toBe(0);
  });

  it('are told to the user after ten in a row, once a day', async () => {
    const email = `${crypto.randomUUID()}@example.com`;
    const user = await app.signUp({ email });
    await confirmAddress(app, email);
    const { secret } = await addTotp(app, user);
    await setWrongCodes(user, 8);
    const told = async () =>
      (await settledMails(app)).filter(
        ({ to, subject }) => to === `<${email}>` && subject === 'Someone knows your password',
      ).length;
    await logIn(user, { code: wrongCodeFor(secret) }).expect(401);
    expect(await told()).toBe(0);
    await logIn(user, { code: wrongCodeFor(secret) }).expect(401);
    await logIn(user, { code: wrongCodeFor(secret) }).expect(401);
    expect(await told()).toBe(1);
  });

  it('close TOTP to unknown devices after eighty in a row, until a sign-in by another method', async () => {
    const user = await withTotp();
    const { device_token } = (await logIn(user, { code: codeOf(user.secret, -1) }).expect(401)).body;
    expect(device_token).toBeUndefined();
    const known = (await logIn(user, { code: codeOf(user.secret) }).expect(200)).body.device_token;
    await setWrongCodes(user, 79);
    await logIn(user, { code: wrongCodeFor(user.secret) }).expect(401);
    expectProblem(await logIn(user, { code: codeOf(user.secret, 1) }), 'invalid_credentials');
    expectProblem(await second(await challenged(user), { code: codeOf(user.secret, 1) }), 'invalid_code');
    await logIn(user, { code: codeOf(user.secret, 1), device_token: known }).expect(200);
    expect(await wrongCodesOf(user)).toBe(80);
    expectProblem(await logIn(user, { code: codeOf(user.secret, 1) }), 'invalid_credentials');
    await logIn(user, { code: user.recoveryCodes[0] }).expect(200);
    expect(await wrongCodesOf(user)).toBe(0);
  });

  it('count from known devices, too, and close TOTP to all after a hundred in a row', async () => {
    const user = await withTotp();
    const device_token = (await logIn(user, { code: codeOf(user.secret) }).expect(200)).body.device_token;
    const wrong = () => logIn(user, { code: wrongCodeFor(user.secret), device_token }).expect(401);
    await wrong();
    expect(await wrongCodesOf(user)).toBe(1);
    await setWrongCodes(user, 99);
    await wrong();
    const known = { code: codeOf(user.secret, 1), device_token };
    expectProblem(await logIn(user, known), 'invalid_credentials');
    expectProblem(await again(user, { password, code: known.code }), 'invalid_code');
    await logIn(user, { code: user.recoveryCodes[0], device_token }).expect(200);
    await logIn(user, known).expect(200);
    expect(await wrongCodesOf(user)).toBe(0);
  });
});

describe('Reauthenticating', () => {
  it('by the password makes a session fresh, with a new access token and the same refresh token', async () => {
    const user = await app.signUp();
    await app.deps.db
      .$executeRaw`UPDATE session SET auth_time = clock_timestamp() - interval '1 hour' WHERE id = ${user.sessionId}::uuid`;
    const { body } = await again(user, { password }).expect(200);
    expect(body).toMatchObject({ session_id: user.sessionId, acr: 'aal1', amr: ['pwd'], token_type: 'Bearer' });
    expect(body.refresh_token).toBeUndefined();
    expect(Date.now() - Date.parse(body.auth_time)).toBeLessThan(60_000);
    await app.http
      .get('/me')
      .set({ Authorization: `Bearer ${body.access_token}` })
      .expect(200);
    await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken }).expect(200);
    expect(await eventsOf(user)).toContain('reauthenticated');
  });

  it('needs the code where the second factor is on, on trusted devices too', async () => {
    const user = await withTotp();
    const trust = { code: codeOf(user.secret), remember_device: true };
    const { device_token } = (await logIn(user, trust).expect(200)).body;
    const begun = (await logIn(user, { device_token }).expect(200)).body;
    const weak = { ...user, bearer: { Authorization: `Bearer ${begun.access_token}` } };
    expectProblem(await again(weak, { password }), 'invalid_code');
    expectProblem(await again(weak, { password, code: wrongCodeFor(user.secret) }), 'invalid_code');
    expectProblem(await again(weak, { password, code: codeOf(user.secret) }), 'invalid_code');
    expectProblem(
      await again(weak, { password: 'not the password at all', code: codeOf(user.secret, 1) }),
      'invalid_credentials',
    );
    expectProblem(await again(weak, {}), 'validation_failed');
    const { body } = await again(weak, { password, code: codeOf(user.secret, 1) }).expect(200);
    expect(body).toMatchObject({ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'], session_id: begun.session_id });
    const renewed = await app.http.post('/auth/refresh').send({ refresh_token: begun.refresh_token }).expect(200);
    expect(renewed.body).toMatchObject({ acr: 'aal2', auth_time: body.auth_time });
  });

  it('by cookie sets the cookie of the access token alone', async () => {
    const user = await app.signUp();
    const cookie = (origin: string) =>
      app.http
        .post('/auth/reauthenticate')
        .set('Cookie', `access_token=${user.accessToken}`)
        .set('Origin', origin)
        .send({ password });
    expectProblem(await cookie('https://evil.example'), 'csrf_rejected');
    const answer = await cookie('http://localhost:3000').expect(200);
    expect(answer.body.access_token).toBeUndefined();
    expect(answer.headers['set-cookie']).toEqual([expect.stringMatching(/^access_token=eyJ/)]);
  });

  it('by a passkey counts as phishing-resistant', async () => {
    const user = await app.signUp();
    const { authenticator } = await addPasskey(app, user);
    const other = await addPasskey(app, await app.signUp());
    expectProblem(await again(user, { passkey: await answerOf(app, other.authenticator) }), 'invalid_credentials');
    const passkey = await answerOf(app, authenticator);
    expect((await again(user, { passkey }).expect(200)).body).toMatchObject({
      acr: 'phr',
      amr: ['swk', 'user', 'mfa'],
    });
    expectProblem(await again(user, { passkey }), 'challenge_expired');
    expectProblem(await again(user, { passkey, password }), 'validation_failed');
  });

  it('makes nothing of an ended session', async () => {
    const user = await app.signUp();
    await app.http.post('/auth/logout-all').set(user.bearer).expect(204);
    expectProblem(await again(user, { password }), 'session_revoked');
  });
});
