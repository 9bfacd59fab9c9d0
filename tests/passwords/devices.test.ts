import { expect, it } from 'vitest';
import { goodPassword, type SignedUp, startAppForTest, type TestApp } from '../support/app.js';
import { cookieHeader, cookiesOf } from '../support/cookies.js';
import { confirm, mailTo, settledMails } from '../support/mails.js';
import { addTotp, codeOf, wrongCodeFor } from '../support/second-factor.js';

const ownOrigin = 'http://localhost:3000';
const newPassword = 'a wholly new passphrase';

const logIn = (app: TestApp, fields: object) => app.http.post('/auth/login').send(fields);

async function reset(app: TestApp, email: string) {
  await app.http.post('/auth/password/forgot').send({ email }).expect(202);
  const { token } = await mailTo(app, email, /^Set a new password$/);
  return app.http.post('/auth/password/reset').send({ token, password: newPassword }).expect(204);
}

async function guess(app: TestApp, times: number, fields: object): Promise<number[]> {
  const statuses = [];
  for (let time = 0; time < times; time++)
    statuses.push((await logIn(app, { password: 'not the password of anybody', ...fields })).status);
  return statuses;
}

const endings: [string, (app: TestApp, user: SignedUp) => Promise<unknown>][] = [
  ['a reset', (app) => reset(app, 'owner@example.com')],
  [
    'a change of password',
    (app, { bearer }) =>
      app.http
        .post('/me/password')
        .set(bearer)
        .send({ current_password: goodPassword, new_password: newPassword })
        .expect(204),
  ],
  ['a logout of all sessions', (app, { bearer }) => app.http.post('/auth/logout-all').set(bearer).expect(204)],
];

it.each(endings)('after %s, an old device token is unknown: it gets no guesses of its own', async (_name, end) => {
  const app = await startAppForTest({ RATE_LIMIT: 'on' });
  const user = await app.signUp({ email: 'owner@example.com' });
  await end(app, user);
  const { username, deviceToken } = user;
  const tries = await guess(app, 12, { username, device_token: deviceToken });
  expect(tries.slice(-2)).toEqual([429, 429]);
  expect(await guess(app, 1, { username })).toEqual([429]);
});

it('after a logout of all sessions, a login with an old device token is mailed, and gets a token that is known', async () => {
  const app = await startAppForTest({ RATE_LIMIT: 'on' });
  const user = await app.signUp({ email: 'owner@example.com' });
  const { token } = await mailTo(app, 'owner@example.com');
  await app.http.post('/auth/email/verify').send({ token }).expect(204);
  await app.http.post('/auth/logout-all').set(user.bearer).expect(204);
  const { username, deviceToken } = user;
  const { body } = await logIn(app, { username, password: goodPassword, device_token: deviceToken }).expect(200);
  expect(body.device_token).not.toBe(deviceToken);
  const ofNewDevice = async () => (await settledMails(app)).filter(({ subject }) => /new device/.test(subject)).length;
  expect(await ofNewDevice()).toBe(1);
  const again = await logIn(app, { username, password: goodPassword, device_token: body.device_token }).expect(200);
  expect([again.body.device_token, await ofNewDevice()]).toEqual([body.device_token, 1]);
});

it('lets all known devices of a user together guess 30 times', async () => {
  const app = await startAppForTest({ RATE_LIMIT: 'on', RATE_LIMIT_LOGIN_ADDRESS: '1000/15m' });
  const { username, deviceToken } = await app.signUp();
  const tokens = [deviceToken];
  for (let time = 0; time < 4; time++)
    tokens.push((await logIn(app, { username, password: goodPassword }).expect(200)).body.device_token);
  const statuses = [];
  for (const token of tokens) statuses.push(...(await guess(app, 8, { username, device_token: token })));
  expect(statuses.filter((status) => status === 401)).toHaveLength(30);
  expect(statuses.slice(30)).toEqual(Array(10).fill(429));
});

it('a reset makes its browser known, so that a lock-out aimed at the user does not stand there', async () => {
  const app = await startAppForTest({ RATE_LIMIT: 'on' });
  const { username } = await app.signUp({ email: 'owner@example.com' });
  await guess(app, 11, { username });
  const { device } = cookiesOf(await reset(app, 'owner@example.com'));
  expect(device?.attributes).toMatchObject({ httponly: true, path: '/' });
  expect((await logIn(app, { username, password: newPassword })).status).toBe(429);
  await logIn(app, { username, password: newPassword }).set('Cookie', `device=${device?.value}`).expect(200);
});

it('a reset makes no browser known where the second factor is on: the mailbox buys no guesses at codes', async () => {
  const app = await startAppForTest({ RATE_LIMIT: 'on', RATE_LIMIT_SECOND_FACTOR: '2/15m' });
  const user = await app.signUp({ email: 'owner@example.com' });
  await confirm(app, 'owner@example.com');
  const { secret } = await addTotp(app, user);
  expect(cookiesOf(await reset(app, 'owner@example.com'))).toEqual({});
  const known = { username: user.username, password: newPassword, device_token: user.deviceToken };
  const wrong = { ...known, code: wrongCodeFor(secret) };
  for (let tries = 0; tries < 2; tries += 1) await logIn(app, wrong).expect(401);
  await logIn(app, { ...known, code: codeOf(secret) }).expect(401);
});

it('a change of password by cookie gives new cookies, and earlier refresh tokens of the session are void at once', async () => {
  const app = await startAppForTest({ RATE_LIMIT: 'on' });
  const signedUp = await app.http
    .post('/auth/signup')
    .set('Origin', ownOrigin)
    .send({ username: 'browser', password: goodPassword, transport: 'cookie' })
    .expect(201);
  const before = cookiesOf(signedUp);
  const byBrowser = (path: string, cookies: typeof before) =>
    app.http.post(path).set('Origin', ownOrigin).set('Cookie', cookieHeader(cookies));
  const answer = await byBrowser('/me/password', before)
    .send({ current_password: goodPassword, new_password: newPassword })
    .expect(204);
  const after = cookiesOf(answer);
  expect(Object.keys(after).sort()).toEqual(['access_token', 'device', 'refresh_token']);
  expect((await byBrowser('/auth/refresh', before)).body.code).toBe('invalid_refresh_token');
  const refreshed = await byBrowser('/auth/refresh', after).expect(200);
  expect(refreshed.body.session_id).toBe(signedUp.body.session_id);
  await app.http.get('/welcome').set('Cookie', cookieHeader(after)).expect(200);
  const { device } = after;
  await logIn(app, { username: 'browser', password: newPassword }).set('Cookie', `device=${device?.value}`).expect(200);
});

it('a change of password by bearer token sets no cookies, and the session goes on with its refresh token', async () => {
  const app = await startAppForTest({ RATE_LIMIT: 'on' });
  const { bearer, refreshToken } = await app.signUp();
  const answer = await app.http
    .post('/me/password')
    .set(bearer)
    .send({ current_password: goodPassword, new_password: newPassword })
    .expect(204);
  expect(cookiesOf(answer)).toEqual({});
  await app.http.post('/auth/refresh').send({ refresh_token: refreshToken }).expect(200);
});
