import { describe, expect, it, onTestFinished } from 'vitest';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { cookieHeader, cookiesOf } from '../support/cookies.js';
import { lendDatabase } from '../support/lent-databases.js';
import { limitsOn } from '../support/limits.js';
import { confirm, mailTo } from '../support/mails.js';
import { addPasskey, answerOf } from '../support/passkeys.js';
import { expectProblem } from '../support/problem.js';
import { addTotp, codeOf, wrongCodeFor } from '../support/second-factor.js';

const password = goodPassword;

const logIn = (app: TestApp, { username }: SignedUp, more: object = {}) =>
  app.http.post('/auth/login').send({ username, password, ...more });
const second = (app: TestApp, login_token: string, more: object) =>
  app.http.post('/auth/login/second-factor').send({ login_token, ...more });

describe('With limits, wrong codes', () => {
  it('close the user to unknown devices, not to a known one, and a new password opens it again', {
    timeout: 120_000,
  }, async () => {
    const app = await startAppForTest({
      ...limitsOn,
      RATE_LIMIT_SECOND_FACTOR: '3/15m',
      RATE_LIMIT_LOGIN_ACCOUNT: '50/15m',
    });
    const email = 'closed@example.com';
    const user = await app.signUp({ email });
    await confirm(app, email);
    const { secret } = await addTotp(app, user);
    const known = (await logIn(app, user, { code: codeOf(secret) }).expect(200)).body.device_token;
    const begin = async () => (await logIn(app, user).expect(403)).body.login_token;
    const token = await begin();
    for (let tries = 0; tries < 3; tries += 1)
      expectProblem(await second(app, token, { code: wrongCodeFor(secret) }), 'invalid_code');
    const refused = await second(app, await begin(), { code: codeOf(secret, 1) });
    expectProblem(refused, 'rate_limited');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(refused.headers.ratelimit).toMatch(/^"second_factor";r=0;t=\d+$/);
    expectProblem(await logIn(app, user, { code: codeOf(secret, 1) }), 'invalid_credentials');
    await second(app, await begin(), { code: codeOf(secret, 1), device_token: known }).expect(200);

    await app.deps.db.totp.updateMany({ where: { userId: user.userId }, data: { lastStep: 0 } });
    await app.http.post('/auth/password/forgot').send({ email });
    const mail = await mailTo(app, email, /password/);
    const next = 'another horse battery staple';
    await app.http.post('/auth/password/reset').send({ token: mail.token, password: next }).expect(204);
    expectProblem(await logIn(app, user, { password: next }), 'second_factor_required');
    await logIn(app, user, { password: next, code: codeOf(secret) }).expect(200);
  });

  it('say how many may follow, and a right one takes none', async () => {
    const app = await startAppForTest(limitsOn);
    const user = await app.signUp();
    const { secret } = await addTotp(app, user);
    const token = (await logIn(app, user).expect(403)).body.login_token;
    for (const left of [4, 3]) {
      const { headers } = await second(app, token, { code: wrongCodeFor(secret) }).expect(401);
      expect(headers['ratelimit-policy']).toBe('"second_factor";q=5;w=900');
      expect(headers.ratelimit).toMatch(new RegExp(`^"second_factor";r=${left};t=\\d+$`));
    }
    const { headers } = await second(app, token, { code: codeOf(secret) }).expect(200);
    expect(headers.ratelimit).toMatch(/^"second_factor";r=3;t=\d+$/);
  });

  it('of somebody without the password count for nobody', async () => {
    const app = await startAppForTest({ ...limitsOn, RATE_LIMIT_SECOND_FACTOR: '2/15m' });
    const user = await app.signUp();
    const { secret } = await addTotp(app, user);
    for (let tries = 0; tries < 4; tries += 1)
      expectProblem(await logIn(app, user, { code: '000000', password: 'not the password' }), 'invalid_credentials');
    await logIn(app, user, { code: codeOf(secret) }).expect(200);
  });

  it('in one call have the same headers as a wrong password', async () => {
    const app = await startAppForTest(limitsOn);
    const [one, other] = [await app.signUp(), await app.signUp()];
    const { secret } = await addTotp(app, one);
    const wrongCode = await logIn(app, one, { code: wrongCodeFor(secret) });
    const wrongPassword = await logIn(app, other, { code: '000000', password: 'not the password' });
    const names = (answer: typeof wrongCode) => [Object.keys(answer.headers), answer.headers['ratelimit-policy']];
    expect(names(wrongCode)).toEqual(names(wrongPassword));
  });

  it('of a step-up are limited, too, and wrong passwords there by their own limit', async () => {
    const app = await startAppForTest({ ...limitsOn, RATE_LIMIT_SECOND_FACTOR: '2/15m', RATE_LIMIT_PASSWORD: '3/15m' });
    const user = await app.signUp();
    const { secret, bearer } = await addTotp(app, user);
    const again = (body: object) => app.http.post('/auth/reauthenticate').set(bearer).send(body);
    for (let tries = 0; tries < 2; tries += 1)
      expectProblem(await again({ password, code: wrongCodeFor(secret) }), 'invalid_code');
    expectProblem(await again({ password, code: codeOf(secret) }), 'rate_limited');
    for (let tries = 0; tries < 3; tries += 1)
      expectProblem(await again({ password: 'not the password', code: '000000' }), 'invalid_credentials');
    expectProblem(await again({ password, code: codeOf(secret) }), 'rate_limited');
  });
});

describe('A known device', () => {
  const limited = { ...limitsOn, RATE_LIMIT_SECOND_FACTOR: '2/15m' };

  it('has its own count at a step-up, too, also with a bearer token', async () => {
    const app = await startAppForTest(limited);
    const user = await app.signUp();
    const { secret, bearer } = await addTotp(app, user);
    const { device_token } = (await logIn(app, user, { code: codeOf(secret) }).expect(200)).body;
    const again = (body: object) =>
      app.http
        .post('/auth/reauthenticate')
        .set(bearer)
        .send({ password, ...body });
    for (let tries = 0; tries < 2; tries += 1)
      expectProblem(await again({ code: wrongCodeFor(secret) }), 'invalid_code');
    expectProblem(await again({ code: codeOf(secret, 1) }), 'rate_limited');
    await again({ code: codeOf(secret, 1), device_token }).expect(200);
  });

  it('is the one that turned the second factor on, at once', async () => {
    const app = await startAppForTest(limited);
    const user = await app.signUp();
    const { body: enrolment } = await app.http.post('/me/totp').set(user.bearer).send({ password }).expect(201);
    const { body } = await app.http
      .post(`/me/totp/${enrolment.id}/confirm`)
      .set(user.bearer)
      .send({ code: codeOf(enrolment.secret) })
      .expect(200);
    for (let tries = 0; tries < 2; tries += 1)
      await logIn(app, user, { code: wrongCodeFor(enrolment.secret) }).expect(401);
    const right = { code: codeOf(enrolment.secret, 1) };
    expectProblem(await logIn(app, user, right), 'invalid_credentials');
    const { device_token } = body;
    expect((await logIn(app, user, { ...right, device_token }).expect(200)).body.device_token).toBe(device_token);
  });

  it('has it in its cookie, if its access token came by cookie', async () => {
    const app = await startAppForTest(limited);
    const origin = 'http://localhost:3000';
    const signedUp = await app.http
      .post('/auth/signup')
      .set('Origin', origin)
      .send({ username: 'browser', password, transport: 'cookie' })
      .expect(201);
    const before = cookiesOf(signedUp);
    const post = (path: string) => app.http.post(path).set('Origin', origin).set('Cookie', cookieHeader(before));
    const { body: enrolment } = await post('/me/totp').send({ password }).expect(201);
    const answer = await post(`/me/totp/${enrolment.id}/confirm`).send({ code: codeOf(enrolment.secret) });
    expect(answer.body.device_token).toBeUndefined();
    const { device } = cookiesOf(answer);
    expect(device?.attributes).toMatchObject({ httponly: true, path: '/' });
    expect(device?.value).not.toBe(before.device?.value);
    const next = await app.http
      .post('/auth/login')
      .set('Cookie', `device=${device?.value}`)
      .send({ username: 'browser', password, code: codeOf(enrolment.secret, 1) })
      .expect(200);
    expect(next.body.device_token).toBe(device?.value);
  });
});

describe('With SECOND_FACTOR_PROMPT=with-password, a login', () => {
  it('tells nobody that a password is right, and never asks for a second step', async () => {
    const app = await startAppForTest({ SECOND_FACTOR_PROMPT: 'with-password' });
    const user = await app.signUp();
    const plain = await app.signUp();
    const { secret, recoveryCodes } = await addTotp(app, user);
    const answers = [
      await logIn(app, user),
      await logIn(app, user, { code: wrongCodeFor(secret) }),
      await logIn(app, user, { code: '' }),
      await logIn(app, user, { password: 'not the password' }),
      await logIn(app, plain, { password: 'not the password', code: '000000' }),
      await logIn(app, { ...user, username: 'nobody-at-all' }),
    ];
    const seen = answers.map(({ status, headers, body: { request_id: _, ...body } }) => [
      status,
      body,
      Object.keys(headers),
      headers['www-authenticate'],
    ]);
    for (const answer of seen) expect(answer).toEqual(seen[0]);
    expectProblem(answers[0] as (typeof answers)[0], 'invalid_credentials');
    expect(await app.deps.db.loginAttempt.count()).toBe(0);

    // What takes as long: each writes one row more than the event. Who doesn't exist has none, so another is written.
    const writes = async (login: () => Promise<unknown>) => {
      app.statements.length = 0;
      await login();
      return app.statements.map((sql) => sql.match(/(UPDATE|INSERT INTO) "?\w+/g)?.join()).sort();
    };
    const forRight = await writes(async () => logIn(app, user));
    expect(forRight.join()).toContain('UPDATE "user');
    expect(await writes(async () => logIn(app, user, { password: 'not the password' }))).toEqual(forRight);
    const forNobody = await writes(async () => logIn(app, { ...user, username: 'nobody-at-all' }));
    const another = 'INSERT INTO rate_limit,UPDATE SET,';
    expect(forNobody.filter((sql) => sql?.startsWith(another))).toHaveLength(1);
    expect(forNobody.map((sql) => sql?.replace(another, '')).sort()).toEqual(forRight);

    const trusted = await logIn(app, user, { code: codeOf(secret), remember_device: true }).expect(200);
    const { device_token } = trusted.body;
    expect((await logIn(app, user, { device_token }).expect(200)).body.acr).toBe('aal1');
    expect((await logIn(app, user, { code: recoveryCodes[0] }).expect(200)).body.acr).toBe('aal2');
    await logIn(app, plain).expect(200);
  });

  it('hashes an outdated password again only where it ends well', async () => {
    const database = await lendDatabase();
    onTestFinished(() => database.drop());
    const before = await startApp({}, { database });
    const user = await before.signUp();
    const { secret } = await addTotp(before, user);
    await before.stop();
    const environment = { SECOND_FACTOR_PROMPT: 'with-password', PASSWORD_HASH: 'm=2048,t=1,p=1' };
    const app = await startApp(environment, { database });
    onTestFinished(app.stop);
    const hashOf = async () =>
      (await app.deps.db.user.findUniqueOrThrow({ where: { id: user.userId } })).passwordHash?.split('$')[3];
    for (const code of [wrongCodeFor(secret), undefined]) {
      await logIn(app, user, { code }).expect(401);
      expect(await hashOf()).toBe('m=1024,t=1,p=1');
    }
    await logIn(app, user, { code: codeOf(secret) }).expect(200);
    expect(await hashOf()).toBe('m=2048,t=1,p=1');
  });

  it('does not tell that a disabled user’s password is right, if a second factor is on', async () => {
    const app = await startAppForTest({ SECOND_FACTOR_PROMPT: 'with-password' });
    const user = await app.signUp();
    const { secret } = await addTotp(app, user);
    await app.deps.db.user.update({ where: { id: user.userId }, data: { disabledAt: new Date() } });
    expectProblem(await logIn(app, user), 'invalid_credentials');
    expectProblem(await logIn(app, user, { code: codeOf(secret) }), 'account_disabled');
  });
});

describe('With limits, a user', () => {
  it('makes so many recovery codes, and proves themselves by a passkey so many times', async () => {
    const app = await startAppForTest({ ...limitsOn, RATE_LIMIT_LOGINS: '2/15m' });
    const user = await app.signUp();
    const { authenticator } = await addPasskey(app, user);
    const again = async () =>
      app.http
        .post('/auth/reauthenticate')
        .set(user.bearer)
        .send({ passkey: await answerOf(app, authenticator) });
    const { body } = await again();
    expectProblem(await again(), 'rate_limited');
    const bearer = { Authorization: `Bearer ${body.access_token}` };
    const codes = () => app.http.post('/me/recovery-codes').set(bearer).send({});
    for (let times = 0; times < 2; times += 1) await codes().expect(200);
    expectProblem(await codes(), 'rate_limited');
  });
});

describe('Trusted devices', () => {
  it('count no more where they are off, or more than one factor is asked of everybody', async () => {
    for (const environment of [{ TRUSTED_DEVICE_TTL: 'off' }, { REQUIRED_ACR: 'aal2' }]) {
      const app = await startAppForTest(environment);
      const user = await app.signUp();
      const { secret } = await addTotp(app, user);
      const { body } = await logIn(app, user, { code: codeOf(secret), remember_device: true }).expect(200);
      const { device_token } = body;
      expect(await app.deps.db.trustedDevice.count()).toBe(0);
      expectProblem(await logIn(app, user, { device_token }), 'second_factor_required');
    }
  });
});
