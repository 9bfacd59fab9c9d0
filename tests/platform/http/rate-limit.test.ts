import { setTimeout as sleep } from 'node:timers/promises';
import type { Response } from 'supertest';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../../src/errors.js';
import type { Limit } from '../../../src/platform/limits/limit.js';
import { serviceClient } from '../../oauth/clients.js';
import { goodPassword, startApp, startAppForTest, type TestApp } from '../../support/app.js';
import {
  countHashes,
  currentAddress,
  expectThrottled,
  guess,
  limitsOn,
  logIn,
  newAddress,
  statusesOf,
  tallyOf,
  times,
  wrong,
} from '../../support/limits.js';
import { settledMails } from '../../support/mails.js';
import { expectProblem } from '../../support/problem.js';

// Tests that need only the defaults share an app. Each uses its own address.
let shared: TestApp;
beforeAll(async () => {
  shared = await startApp(limitsOn);
});
afterAll(() => shared.stop());
beforeEach(() => void newAddress());

const start = async (settings?: Record<string, string>) =>
  settings ? startAppForTest({ ...limitsOn, ...settings }) : shared;

describe('Failed logins', () => {
  it('are limited to 10 per name in 15 minutes; after that even the right password is refused (ASVS 6.1.1, 6.3.1)', async () => {
    const app = await start();
    const { username } = await app.signUp();
    const hashes = countHashes(app);
    expect(statusesOf(await guess(app, 10, { username }))).toEqual(Array(10).fill(401));
    expectThrottled(await logIn(app, { username, password: wrong }), 'login_account', 10, 900);
    expectThrottled(await logIn(app, { username, from: '198.51.100.7' }), 'login_account', 10, 900);
    expect(hashes).toHaveBeenCalledTimes(10);
    const other = await app.signUp();
    expect((await logIn(app, { username: other.username })).status).toBe(200);
  });

  it('are limited to 50 per address over all names; other addresses are served', async () => {
    const app = await start();
    const { username } = await app.signUp();
    const hashes = countHashes(app);
    for (let n = 0; n < 50; n++)
      expect((await logIn(app, { username: `name-${n}`, password: wrong })).status).toBe(401);
    expectThrottled(await logIn(app, { username }), 'login_address', 50, 900);
    expect(hashes).toHaveBeenCalledTimes(50);
    expect((await logIn(app, { username, from: newAddress() })).status).toBe(200);
  });

  it('get exactly the same responses for names that do not exist', async () => {
    const app = await start({ RATE_LIMIT_LOGIN_ACCOUNT: '2/15m' });
    await app.signUp({ username: 'known', email: 'known@example.com' });
    const seen = async (username: string) =>
      (await guess(app, 4, { username })).map(({ status, headers, text }) => {
        const { 'x-request-id': id, date: _date, ratelimit, 'retry-after': _later, ...others } = headers;
        const left = /"login_address";r=\d+/.exec(`${ratelimit}`)?.[0];
        return { status, others, left: left === undefined, text: text.replace(`${id}`, '') };
      });
    const byName = await seen('known');
    expect(statusesOf(byName)).toEqual([401, 401, 429, 429]);
    // With the e-mail the limit of the user is used up already, and no response shows it.
    for (const name of ['nobody', 'known@example.com', 'nobody@example.com', 'k\u212Ae'])
      expect(await seen(name), name).toEqual(byName);
  });

  it('are counted per name, in upper or lower case', async () => {
    const app = await start({ RATE_LIMIT_LOGIN_ACCOUNT: '3/15m' });
    for (const username of ['ada', 'someone@example.com']) {
      expect(statusesOf(await guess(app, 2, { username }))).toEqual([401, 401]);
      expect(statusesOf(await guess(app, 2, { username: username.toUpperCase() }))).toEqual([401, 429]);
    }
  });

  it('are limited to 10 per user over username and e-mail; beyond that, a right password looks like a wrong one', async () => {
    const app = await start();
    const user = await app.signUp({ username: 'two-names', email: 'two@names.example' });
    await guess(app, 6, { username: 'two-names' });
    await guess(app, 4, { username: 'two@names.example' });
    const right = await logIn(app, { username: 'two@names.example', from: newAddress() });
    const unknown = await guess(app, 5, { username: 'nobody@names.example' });
    expectProblem(right, 'invalid_credentials');
    const toldOf = (answer?: Response) => [
      answer?.headers['ratelimit-policy'],
      `${answer?.headers.ratelimit}`.match(/"\w+";r=/g),
    ];
    expect(toldOf(right)).toEqual(toldOf(unknown[4]));
    expect((await logIn(app, { username: 'two-names', device_token: user.deviceToken })).status).toBe(200);
  });

  it('under the id of a user in the place of a name do not count for that user', async () => {
    const app = await start();
    const { userId, username } = await app.signUp();
    await guess(app, 10, { username: userId });
    expect((await logIn(app, { username, from: newAddress() })).status).toBe(200);
  });

  it.each(['username', 'email'])('at 200 at once over 200 connections, with the %s, cause 10 hashes', async (by) => {
    const app = await start();
    const email = `owner-${by}@example.com`;
    const user = await app.signUp({ email });
    const username = by === 'email' ? email : user.username;
    const hashes = countHashes(app);
    const answers = await Promise.all(
      times(200, (n) => logIn(app, { username, password: `${wrong} ${n}`, from: `198.51.100.${n}` })),
    );
    expect(tallyOf(answers)).toEqual({ 401: 10, 429: 190 });
    expect(hashes).toHaveBeenCalledTimes(10);
    expectProblem(await logIn(app, { username }), 'rate_limited');
    expect((await logIn(app, { username, device_token: user.deviceToken })).status).toBe(200);
  });

  it('at 200 at once from one address with 200 names cause 50 hashes', async () => {
    const app = await start();
    const hashes = countHashes(app);
    const answers = await Promise.all(times(200, (n) => logIn(app, { username: `name-${n}`, password: wrong })));
    expect(tallyOf(answers)).toEqual({ 401: 50, 429: 150 });
    expect(hashes).toHaveBeenCalledTimes(50);
  });

  it('are counted, and successful logins are not', async () => {
    const app = await start({ RATE_LIMIT_LOGIN_ACCOUNT: '2/15m', RATE_LIMIT_LOGIN_ADDRESS: '3/15m' });
    const { username } = await app.signUp();
    for (let n = 0; n < 5; n++) {
      const answer = await logIn(app, { username });
      expect(answer.status).toBe(200);
      expect(answer.headers['ratelimit-policy']).toBe('"login_address";q=3;w=900, "login_account";q=2;w=900');
      expect(answer.headers.ratelimit).toMatch(/^"login_address";r=3;t=\d+$/);
    }
    await guess(app, 1, { username });
    expect((await logIn(app, { username })).headers.ratelimit).toMatch(/^"login_address";r=2;t=\d+$/);
  });

  it('do not limit 20 successful logins of a user at once, by username or e-mail', async () => {
    const app = await start();
    const { username } = await app.signUp({ email: 'many@tabs.example' });
    for (const name of [username, 'many@tabs.example', username])
      expect(tallyOf(await Promise.all(times(20, () => logIn(app, { username: name }))))).toEqual({ 200: 20 });
    expect(statusesOf(await guess(app, 11, { username }))).toEqual([...Array(10).fill(401), 429]);
  });

  it('do not include the right password of a disabled user, or invalid input', async () => {
    const app = await start({ RATE_LIMIT_LOGIN_ACCOUNT: '2/15m' });
    const { username, userId } = await app.signUp();
    await app.deps.db.user.update({ where: { id: userId }, data: { disabledAt: new Date() } });
    for (let n = 0; n < 4; n++) {
      expectProblem(await logIn(app, { username }), 'account_disabled');
      expectProblem(await logIn(app, { username, password: '' }), 'validation_failed');
    }
    expect(statusesOf(await guess(app, 3, { username }))).toEqual([401, 401, 429]);
  });

  it('are not counted if the server was too busy to hash', async () => {
    const app = await start({ RATE_LIMIT_LOGIN_ACCOUNT: '2/15m' });
    const { username } = await app.signUp();
    const hashes = countHashes(app).mockRejectedValue(new AppError('overloaded'));
    expect(statusesOf(await guess(app, 5, { username }))).toEqual(Array(5).fill(503));
    hashes.mockRestore();
    expect((await logIn(app, { username })).status).toBe(200);
  });
});

describe('A known device', () => {
  it('lets its user log in by token and by cookie while others have used up the limits of name and address', async () => {
    const app = await start({ RATE_LIMIT_LOGIN_ADDRESS: '12/15m' });
    const { username, deviceToken } = await app.signUp();
    await guess(app, 10, { username });
    await guess(app, 2, { username: 'another' });
    expectThrottled(await logIn(app, { username }), 'login_address', 12, 900);
    expect((await logIn(app, { username, device_token: deviceToken })).status).toBe(200);
    expect((await logIn(app, { username }).set('Cookie', `device=${deviceToken}`)).status).toBe(200);
  });

  it('has its own limit of 10 failed logins, which count for the address but not for the name', async () => {
    const app = await start();
    const { username, deviceToken } = await app.signUp();
    const hashes = countHashes(app);
    expect(statusesOf(await guess(app, 10, { username, device_token: deviceToken }))).toEqual(Array(10).fill(401));
    expectThrottled(await logIn(app, { username, device_token: deviceToken }), 'login_device', 10, 900);
    expect(hashes).toHaveBeenCalledTimes(10);
    const elsewhere = await logIn(app, { username });
    expect(elsewhere.status).toBe(200);
    expect(elsewhere.headers.ratelimit).toMatch(/^"login_address";r=40;t=\d+$/);
    expect((await logIn(app, { username, device_token: elsewhere.body.device_token })).status).toBe(200);
  });

  it('stays known after a logout', async () => {
    const app = await start({ RATE_LIMIT_LOGIN_ACCOUNT: '1/15m' });
    const { username, deviceToken, bearer } = await app.signUp();
    expect((await app.http.post('/auth/logout').set(bearer).send({})).status).toBe(204);
    expect(statusesOf(await guess(app, 2, { username }))).toEqual([401, 429]);
    expect((await logIn(app, { username, device_token: deviceToken })).status).toBe(200);
  });

  it('is not recognised by a forged token or one of another user: those attempts count for the name', async () => {
    const app = await start({ RATE_LIMIT_LOGIN_ACCOUNT: '3/15m' });
    const { username, deviceToken } = await app.signUp();
    const eve = await app.signUp();
    const forged = `${deviceToken.slice(0, 40)}${deviceToken.slice(40).split('').reverse().join('')}`;
    for (const device_token of [eve.deviceToken, forged, 'x'])
      expect(statusesOf(await guess(app, 1, { username, device_token }))).toEqual([401]);
    expectProblem(await logIn(app, { username, device_token: eve.deviceToken }), 'rate_limited');
  });
});

describe('Device tokens of other users', () => {
  it('buy no look-ups of names: past the limit of an address, no name is looked up for them', async () => {
    const app = await start({ RATE_LIMIT_LOGIN_ADDRESS: '3/15m' });
    const [{ username }, eve] = [await app.signUp(), await app.signUp()];
    await guess(app, 3, { username, device_token: eve.deviceToken });
    for (const name of [username, 'nobody']) {
      app.statements.length = 0;
      expectProblem(await logIn(app, { username: name, device_token: eve.deviceToken }), 'rate_limited');
      expect(app.statements.filter((sql) => sql.includes('"user"'))).toEqual([]);
    }
  });
});

describe('Addresses', () => {
  /** Whether the next wrong password from this address gets 429. */
  const isSpent = async (app: TestApp, from: string) =>
    (await logIn(app, { username: `at-${from}`, password: wrong, from })).status === 429;

  it('of IPv6 are counted by /64, however they are written', async () => {
    const app = await start({ RATE_LIMIT_LOGIN_ADDRESS: '2/15m' });
    for (const from of ['2001:db8:0:7::1', '2001:DB8::7:ffff:0:0:2']) expect(await isSpent(app, from)).toBe(false);
    for (const from of ['2001:db8:0:7::3', '2001:0db8:0000:0007:0:0:0:1', '2001:db8:0:7:1:2:192.0.2.1'])
      expect(await isSpent(app, from), from).toBe(true);
    for (const from of ['2001:db8:0:8::1', '2001:db8:1:7::1']) expect(await isSpent(app, from), from).toBe(false);
  });

  it('of many /64s are limited together: a /56 has twice as many failed logins, a /48 three times', async () => {
    const app = await start({ RATE_LIMIT_LOGIN_ADDRESS: '2/15m' });
    const from = (network: string) => logIn(app, { username: `at-${network}`, password: wrong, from: `${network}::1` });
    for (const n of [1, 2, 3, 4]) expect((await from(`2001:db8:1:1${n}`)).status).toBe(401);
    expectThrottled(await from('2001:db8:1:15'), 'login_address_56', 4, 900);
    expect((await from('2001:db8:1:115')).status).toBe(401);
    expect((await from('2001:db8:1:215')).status).toBe(401);
    expectThrottled(await from('2001:db8:1:315'), 'login_address_48', 6, 900);
    expect((await from('2001:db8:2:15')).status).toBe(401);
  });

  it('of 200 /64s of one /48 do not have 200 failed logins', async () => {
    const app = await start({ PASSWORD_HASH: 'm=1024,t=1,p=1', RATE_LIMIT_LOGIN_ADDRESS: '20/15m' });
    const answers = times(200, (n) =>
      logIn(app, { username: `name-${n}`, password: wrong, from: `2001:db8:3:${n.toString(16)}00::1` }),
    );
    expect(tallyOf(await Promise.all(answers))).toEqual({ 401: 60, 429: 140 });
  });

  it('of IPv4 are counted one by one, also when they are written as IPv6', async () => {
    const app = await start({ RATE_LIMIT_LOGIN_ADDRESS: '2/15m' });
    for (const from of ['192.0.2.1', '::ffff:192.0.2.1']) expect(await isSpent(app, from)).toBe(false);
    for (const from of ['192.0.2.1', '::ffff:c000:201', '0:0:0:0:0:FFFF:192.0.2.1'])
      expect(await isSpent(app, from), from).toBe(true);
    for (const from of ['192.0.2.2', '::ffff:192.0.2.3']) expect(await isSpent(app, from), from).toBe(false);
  });

  it('in X-Forwarded-For are ignored while TRUST_PROXY is false, and one warning says so', async () => {
    const app = await start({ RATE_LIMIT_LOGIN_ADDRESS: '2/15m', TRUST_PROXY: 'false' });
    expect(await isSpent(app, '192.0.2.1')).toBe(false);
    expect(await isSpent(app, '192.0.2.2')).toBe(false);
    expect(await isSpent(app, '192.0.2.3')).toBe(true);
    expect(app.logs.filter(({ msg }) => /TRUST_PROXY/.test(`${msg}`))).toHaveLength(1);
  });
});

describe('Retry-After', () => {
  it('is exact: a login before it is refused, and one after it works', async () => {
    const app = await start({ RATE_LIMIT_LOGIN_ACCOUNT: '2/4s' });
    const { username } = await app.signUp();
    await guess(app, 2, { username });
    const refused = await logIn(app, { username });
    const refusedAt = performance.now();
    expectThrottled(refused, 'login_account', 2, 4);
    const wait = Number(refused.headers['retry-after']) * 1000;
    await sleep(wait / 2 - 500);
    expectProblem(await logIn(app, { username }), 'rate_limited');
    await sleep(wait - (performance.now() - refusedAt));
    expect((await logIn(app, { username })).status).toBe(200);
  });
});

describe('The other limits', () => {
  it('200 logins of a user with the right password in 15 minutes', async () => {
    const app = await start({ RATE_LIMIT_LOGINS: '3/15m' });
    const { username } = await app.signUp();
    for (let n = 0; n < 3; n++) expect((await logIn(app, { username })).status).toBe(200);
    const refused = await logIn(app, { username });
    expectProblem(refused, 'rate_limited');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(800);
    expect(refused.headers.ratelimit).toMatch(/^"logins";r=0;t=\d+$/);
    const other = await app.signUp();
    expect((await logIn(app, { username: other.username })).status).toBe(200);
  });

  it('200 passwords of a signed-in user that are checked in 15 minutes, right or wrong, over all sessions and addresses', async () => {
    const app = await start({ RATE_LIMIT_LOGINS: '3/15m', RATE_LIMIT_PASSWORD: '2/15m' });
    const user = await app.signUp({ username: 'checked-very-often' });
    const change = (current: string, bearer = user.bearer) =>
      app.http
        .post('/me/password')
        .set('X-Forwarded-For', newAddress())
        .set(bearer)
        .send({ current_password: current, new_password: `${user.username} ${user.username}` });
    const hashes = countHashes(app);
    for (let n = 0; n < 3; n++) expect((await change(goodPassword)).status).toBe(422);
    expect(hashes).toHaveBeenCalledTimes(3);
    const again = await logIn(app, { username: user.username });
    expect(again.status).toBe(200);
    hashes.mockClear();
    const refused = await change(goodPassword, { Authorization: `Bearer ${again.body.access_token}` });
    expectThrottled(refused, 'logins', 3, 900);
    expect(hashes).not.toHaveBeenCalled();
    const other = await app.signUp();
    expect((await change('wrong', other.bearer)).status).not.toBe(429);
  });

  it('10 changes of the username in an hour, also to names that are taken', async () => {
    const app = await start({ RATE_LIMIT_USERNAME: '2/1h' });
    const [user, other] = [await app.signUp(), await app.signUp()];
    const rename = (username: string) => app.http.patch('/me').set(user.bearer).send({ username });
    expectProblem(await rename(other.username), 'username_taken');
    expect((await rename('another-name')).status).toBe(200);
    expectThrottled(await rename('a-third-name'), 'username', 2, 3600);
    expect((await app.http.patch('/me').set(user.bearer).send({})).status).toBe(200);
  });

  it('100 sign-ups per address in an hour, including those with bad passwords', async () => {
    const app = await start();
    const signUp = (password: string, from = currentAddress()) =>
      app.http.post('/auth/signup').set('X-Forwarded-For', from).send({ username: 'somebody', password });
    for (let n = 0; n < 100; n++) expect((await signUp('password')).status).toBe(422);
    expectThrottled(await signUp(goodPassword), 'signup', 100, 3600);
    expect((await signUp(goodPassword, newAddress())).status).toBe(201);
  });

  it('10 wrong passwords in a session, over all routes that ask for one; other sessions of the user are not locked out', async () => {
    const app = await start();
    const { bearer, username } = await app.signUp();
    const hashes = countHashes(app);
    const change = (current_password: string) =>
      app.http.post('/me/password').set(bearer).send({ current_password, new_password: 'x' });
    const remove = (password: string) => app.http.delete('/me').set(bearer).send({ password });
    for (let n = 0; n < 5; n++)
      for (const ask of [change, remove]) expectProblem(await ask(wrong), 'invalid_credentials');
    for (const ask of [change, remove]) expectThrottled(await ask(goodPassword), 'password', 10, 900);
    expect(hashes).toHaveBeenCalledTimes(10);
    const elsewhere = { Authorization: `Bearer ${(await logIn(app, { username })).body.access_token}` };
    expect((await app.http.delete('/me').set(elsewhere).send({ password: goodPassword })).status).toBe(204);
  });

  it('10 hashes for 100 wrong passwords of a logged-in user at once; right ones do not count', async () => {
    const app = await start();
    const { bearer } = await app.signUp();
    const change = (current_password: string) =>
      app.http.post('/me/password').set(bearer).send({ current_password, new_password: 'x' });
    expect(tallyOf(await Promise.all(times(20, () => change(goodPassword))))).toEqual({ 422: 20 });
    const hashes = countHashes(app);
    expect(tallyOf(await Promise.all(times(100, () => change(wrong))))).toEqual({ 401: 10, 429: 90 });
    expect(hashes).toHaveBeenCalledTimes(10);
  });

  it('60 made-up refresh tokens per address in 5 minutes: genuine ones are neither counted nor refused for them', async () => {
    const app = await start();
    const { refreshToken } = await app.signUp();
    const refresh = (fields: object) =>
      app.http.post('/auth/refresh').set('X-Forwarded-For', currentAddress()).send(fields);
    for (let n = 0; n < 60; n++)
      expectProblem(await refresh({ refresh_token: 'a'.repeat(104) }), 'invalid_refresh_token');
    expectThrottled(await refresh({ refresh_token: 'b'.repeat(104) }), 'refresh', 60, 300);
    expect((await refresh({ refresh_token: refreshToken })).status).toBe(200);
    newAddress();
    for (let n = 0; n < 61; n++) {
      expect((await refresh({ refresh_token: refreshToken })).status).toBe(200);
      expect((await refresh({})).status).toBe(401);
    }
  });

  it('a genuine refresh token of an ended session is not counted', async () => {
    const app = await start({ RATE_LIMIT_REFRESH: '2/5m' });
    const { refreshToken } = await app.signUp();
    await app.http.post('/auth/logout').send({ refresh_token: refreshToken }).expect(204);
    const refresh = () => app.http.post('/auth/refresh').send({ refresh_token: refreshToken });
    for (let n = 0; n < 5; n++) expectProblem(await refresh(), 'session_revoked');
  });

  it('10 made-up reset tokens per address in 15 minutes: one that was mailed is neither counted nor refused for them', async () => {
    const app = await start({ RATE_LIMIT_PASSWORD: '10/15m' });
    const { username } = await app.signUp({ email: 'ada@example.com' });
    await app.http.post('/auth/password/forgot').send({ email: 'ada@example.com' }).expect(202);
    const token = (await settledMails(app)).at(-1)?.token;
    const reset = (token: unknown, password: string) =>
      app.http.post('/auth/password/reset').set('X-Forwarded-For', currentAddress()).send({ token, password });
    for (let n = 0; n < 10; n++) expectProblem(await reset(`made-up-${n}`, goodPassword), 'invalid_one_time_token');
    expectThrottled(await reset('made-up', goodPassword), 'password', 10, 900);
    expectProblem(await reset(token, 'short'), 'validation_failed');
    expect((await reset(token, 'a wholly new passphrase')).status).toBe(204);
    expect((await logIn(app, { username, password: 'a wholly new passphrase' })).status).toBe(200);
  });

  it('1,200 requests per address in a minute, including refused ones and unknown paths', async () => {
    const app = await start();
    const ask = (path: string) => app.http.get(path).set('X-Forwarded-For', currentAddress());
    const { bearer } = await app.signUp();
    const paths = ['/healthz?x', '/nothing', '/welcome', '/openapi.json'];
    for (let n = 0; n < 60; n++)
      expect(tallyOf(await Promise.all(times(20, (k) => ask(paths[k % 4] as string))))[429]).toBeUndefined();
    for (const path of ['/healthz?x', '/welcome', '/nothing'])
      expectThrottled(await ask(path).set(bearer), 'general', 1200, 60);
    for (const path of ['/healthz', '/readyz']) expect((await ask(path)).status).toBe(200);
    newAddress();
    expect((await ask('/welcome').set(bearer)).status).toBe(200);
  });
});

describe('Probes', () => {
  it('are not counted, because those of a whole cluster come from one address', async () => {
    const app = await startAppForTest({ ...limitsOn, RATE_LIMIT_GENERAL: '5/1m' });
    const ask = (path: string) => app.http.get(path).set('X-Forwarded-For', currentAddress());
    newAddress();
    for (const path of ['/healthz', '/readyz'])
      expect(tallyOf(await Promise.all(times(20, () => ask(path))))).toEqual({ 200: 20 });
    expect((await app.http.head('/healthz').set('X-Forwarded-For', currentAddress())).status).toBe(200);
    for (let n = 0; n < 5; n++) expect((await ask('/welcome')).status).toBe(401);
    expectThrottled(await ask('/welcome'), 'general', 5, 60);
    expect((await ask('/readyz')).status).toBe(200);
  });
});

describe('The general limit', () => {
  it('of a whole IPv6 site is twice that of an address in its /56, three times in its /48', async () => {
    const app = await startAppForTest({ ...limitsOn, RATE_LIMIT_GENERAL: '2/1m' });
    const from = (network: string) => app.http.get('/welcome').set('X-Forwarded-For', `${network}::1`);
    for (const n of [1, 2, 3, 4]) expect((await from(`2001:db8:1:1${n}`)).status).toBe(401);
    expectThrottled(await from('2001:db8:1:15'), 'general', 2, 60);
    for (const n of [1, 2]) expect((await from(`2001:db8:1:${n}15`)).status).toBe(401);
    expectThrottled(await from('2001:db8:1:315'), 'general', 2, 60);
    expect((await from('2001:db8:2:15')).status).toBe(401);
  });
});

describe('What other services go by', () => {
  const ask = (app: TestApp, path: string) => app.http.get(path).set('X-Forwarded-For', currentAddress());

  it('is still told to an address that has flooded everything else, and has the same limit for itself', async () => {
    const app = await startAppForTest({ ...limitsOn, RATE_LIMIT_GENERAL: '8/1m' });
    for (let n = 0; n < 8; n++) expect((await ask(app, '/welcome')).status).toBe(401);
    expectThrottled(await ask(app, '/welcome'), 'general', 8, 60);
    const paths = ['/.well-known/revocations', '/.well-known/jwks.json', '/.well-known/oauth-authorization-server'];
    for (const path of [...paths, ...paths]) expect((await ask(app, path)).status, path).toBe(200);
    for (let n = 0; n < 2; n++) await ask(app, '/.well-known/jwks.json');
    for (const path of [...paths, '/.well-known/revocations/stream'])
      expectThrottled(await ask(app, path), 'general', 8, 60);
  });

  it('does not use up its limit by asking about its callers’ keys; refused questions do', async () => {
    const app = await startAppForTest({ ...limitsOn, RATE_LIMIT_GENERAL: '4/1m' });
    const { key } = await serviceClient(app, ['admin'], ['tokens:introspect']);
    const introspect = (as: string) =>
      app.http
        .post('/oauth/introspect')
        .set({ Authorization: `Bearer ${as}`, 'X-Forwarded-For': currentAddress() })
        .type('form')
        .send({ token: 'made-up' });
    for (let n = 0; n < 8; n++) expect((await introspect(key)).body).toEqual({ active: false });
    for (let n = 0; n < 4; n++) expect((await introspect('made-up')).status).toBe(401);
    expect((await introspect(key)).status).toBe(429);
  });
});

describe('A successful refresh', () => {
  it('does not ask the store of the limits, and shows the policy', async () => {
    const app = await start();
    const { refreshToken } = await app.signUp();
    const asked = vi.spyOn(app.deps.limits?.refresh.limit as Limit, 'count');
    const answer = await app.http.post('/auth/refresh').send({ refresh_token: refreshToken });
    expect(answer.headers['ratelimit-policy']).toBe('"refresh";q=60;w=300');
    expect(asked).not.toHaveBeenCalled();
  });
});

describe('RATE_LIMIT=off', () => {
  it('removes all limits, and logs a warning in production', async () => {
    const app = await startAppForTest({ RATE_LIMIT: 'off', NODE_ENV: 'production', RATE_LIMIT_LOGIN_ACCOUNT: '1/15m' });
    const answers: Response[] = await guess(app, 3, { username: 'nobody' });
    expect(statusesOf(answers)).toEqual([401, 401, 401]);
    expect(answers[0]?.headers).not.toHaveProperty('ratelimit');
    expect(app.logs.filter(({ msg }) => /RATE_LIMIT is off/.test(`${msg}`))).toHaveLength(1);
  });
});
