import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { limitsOn, times, wrong } from '../support/limits.js';
import { addPasskey, answerOf, signInWith } from '../support/passkeys.js';
import { expectProblem } from '../support/problem.js';
import { expectTold, samplesIn, told } from '../support/prometheus-text.js';
import { connectTo } from '../support/raw-http.js';
import { openListener } from '../support/revocation-listener.js';
import { ask, rows, withRole } from '../support/rows.js';
import { addTotp, codeOf, wrongCodeFor } from '../support/second-factor.js';

const token = 'k3wn2-2jf9s-0aqpl-19dkz-m4x7c-55tyu';
const requests = 'http_request_duration_seconds_count';

let shared: TestApp;
beforeAll(async () => {
  shared = await startApp();
});
afterAll(() => shared.stop());

describe('The metrics can be read', () => {
  it('from this machine if METRICS_TOKEN is not set', async () => {
    const { text, headers } = await shared.http.get('/metrics').expect(200);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(samplesIn(text).length).toBeGreaterThan(50);
  });

  it('by no client behind a proxy on this machine, with any token', async () => {
    for (const header of ['X-Forwarded-For', 'Forwarded', 'X-Real-IP', 'Via']) {
      const proxied = () => shared.http.get('/metrics').set(header, '127.0.0.1');
      expectProblem(await proxied(), 'unauthenticated');
      expectProblem(await proxied().set('Authorization', `Bearer ${token}`), 'invalid_token');
    }
  });

  it('by no page in a browser on this machine whose name leads here (DNS rebinding)', async () => {
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:3000', '10.0.0.1', '']) {
      const rebound = () => shared.http.get('/metrics').set('Host', host);
      expectProblem(await rebound(), 'unauthenticated');
      expectProblem(await rebound().set('Authorization', `Bearer ${token}`), 'invalid_token');
    }
    for (const host of ['localhost', 'LOCALHOST:3000', '127.0.0.1', '127.8.9.1:80', '[::1]:3000'])
      await shared.http.get('/metrics').set('Host', host).expect(200);
  });

  const ownAddresses = Object.values(networkInterfaces()).flatMap((interfaces = []) =>
    interfaces.flatMap(({ internal, family, address }) => (internal || family !== 'IPv4' ? [] : [address])),
  );

  it.each(ownAddresses)('by no client on a network (%s)', async (address) => {
    const app = await startAppForTest({ HOST: '0.0.0.0' });
    const http = request(app.url.replace('localhost', address));
    expectProblem(await http.get('/metrics'), 'unauthenticated');
  });

  it('only with METRICS_TOKEN if it is set', async () => {
    const app = await startAppForTest({ METRICS_TOKEN: token });
    const asked = (authorization: string) => app.http.get('/metrics').set('Authorization', authorization);
    expectProblem(await app.http.get('/metrics'), 'unauthenticated');
    const admin = await withRole(app, await app.signUp(), 'admin');
    for (const bad of [`Bearer ${token}x`, `Bearer ${token.slice(1)}`, `Bearer x`, admin.bearer.Authorization])
      expectProblem(await asked(bad), 'invalid_token');
    expectProblem(await asked(`Basic ${token}`), 'unauthenticated');
    expectProblem(await app.http.get(`/metrics?access_token=${token}`), 'unauthenticated');
    await asked(`Bearer ${token}`).set('X-Forwarded-For', '203.0.113.7').expect(200);
    expect(JSON.stringify(app.logs)).not.toContain(token);
  });
});

describe('Requests', () => {
  it('are counted and timed by route, method and status', async () => {
    const app = await startAppForTest({ LOG_LEVEL: 'silent' });
    const { bearer } = await app.signUp();
    for (const _ of times(3, () => 0)) await app.http.get('/welcome').set(bearer).expect(200);
    await app.http.get('/welcome').expect(401);
    await expectTold(app, requests, { route: '/welcome', method: 'GET', status: '200' }, 3);
    await expectTold(app, requests, { route: '/welcome', status: '401' }, 1);
    await expectTold(app, requests, { route: '/auth/signup', method: 'POST', status: '201' }, 1);
    expect(await told(app, 'http_request_duration_seconds_sum', { route: '/auth/signup' })).toBeGreaterThan(0);
  });

  it('have only labels from the route table, for any path and method', async () => {
    const app = shared;
    const before = (await told(app, requests, { route: 'none' })) ?? 0;
    const { bearer } = await app.signUp();
    for (const { row } of rows) await ask(app, row);
    for (const n of times(30, (index) => index)) {
      await app.http.get(`/secret-path-${n}`).expect(404);
      await app.http
        .get(`/todos/01890a5d-ac96-774b-bcce-0000000000${10 + n}`)
        .set(bearer)
        .expect(404);
    }
    await app.http.propfind('/me').expect(405);
    await app.http.put('/me').expect(405);
    await expectTold(app, requests, { route: 'none' }, before + 30);
    const { text } = await app.http.get('/metrics');
    const samples = samplesIn(text).filter(({ name }) => name === requests);
    const paths = rows.map(({ row }) => row.path);
    expect(new Set(samples.map(({ labels }) => labels.route))).toEqual(new Set([...paths, 'none']));
    expect(samples.map(({ labels }) => labels.method)).toContain('other');
    expect(text).not.toMatch(/secret-path|propfind|01890a5d/i);
  });

  it('that the client gave up are counted separately', async () => {
    const app = await startAppForTest({ PASSWORD_HASH: 'm=65536,t=10,p=1' });
    const body = JSON.stringify({ username: 'nobody', password: 'x' });
    const socket = connectTo(app);
    socket.write(
      `POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await vi.waitFor(() => expect(app.statements.join()).toContain('username_key'), { interval: 5 });
    socket.destroy();
    await expectTold(app, requests, { route: '/auth/login', status: 'aborted' }, 1);
  });

  it('that a limit refused are counted by the name of the limit', async () => {
    const app = await startAppForTest({
      ...limitsOn,
      RATE_LIMIT_LOGIN_ACCOUNT: '2/1m',
      RATE_LIMIT_GENERAL: '40/1m',
    });
    const from = (address: string) => ({ 'X-Forwarded-For': address });
    const login = () =>
      app.http.post('/auth/login').set(from('192.0.2.1')).send({ username: 'nobody', password: wrong });
    expect((await Promise.all(times(5, login))).filter(({ status }) => status === 429)).toHaveLength(3);
    await Promise.all(times(44, () => app.http.get('/nothing').set(from('192.0.2.2'))));
    await expectTold(app, 'gatelatch_rate_limit_refusals_total', { limit: 'login_account' }, 3);
    await expectTold(app, 'gatelatch_rate_limit_refusals_total', { limit: 'general' }, 4);
  });
});

describe('Sign-ins', () => {
  const started = (acr: string, amr: string) => told(shared, 'gatelatch_sessions_started_total', { acr, amr });
  const refused = async (factor: string) => Number(await told(shared, 'gatelatch_factor_refusals_total', { factor }));

  it('are counted by how strong they are and how their users proved who they are', async () => {
    const before = Number((await started('aal1', 'pwd')) ?? 0);
    const user = await shared.signUp();
    const { secret, bearer } = await addTotp(shared, user);
    const { authenticator } = await addPasskey(shared, { ...user, bearer });
    const typed = { username: user.username, password: user.password, code: codeOf(secret) };
    await shared.http
      .post('/auth/login')
      .send({ ...typed, password: wrong })
      .expect(401);
    await shared.http.post('/auth/login').send(typed).expect(200);
    expect((await signInWith(shared, authenticator)).status).toBe(200);
    expect(await started('aal1', 'pwd')).toBe(before + 1);
    expect(await started('aal2', 'pwd otp mfa')).toBe(1);
    expect(await started('phr', 'swk user mfa')).toBe(1);
  });

  it('that fail by a wrong code or passkey are counted', async () => {
    const [codes, passkeys] = [await refused('code'), await refused('passkey')];
    const user = await shared.signUp();
    const { secret, bearer } = await addTotp(shared, user);
    const { authenticator } = await addPasskey(shared, { ...user, bearer });
    const { username, password } = user;
    const code = wrongCodeFor(secret);
    await shared.http.post('/auth/login').send({ username, password, code }).expect(401);
    await shared.http.post('/auth/login').send({ username, password: wrong, code }).expect(401);
    const { body } = await shared.http.post('/auth/login').send({ username, password }).expect(403);
    const second = (given: object) =>
      shared.http.post('/auth/login/second-factor').send({ login_token: body.login_token, ...given });
    await second({ code }).expect(401);
    const signature = Buffer.from('wrong');
    await second({ passkey: await answerOf(shared, authenticator, { signature }) }).expect(401);
    expect((await signInWith(shared, authenticator, { signature })).status).toBe(401);
    expect([await refused('code'), await refused('passkey')]).toEqual([codes + 2, passkeys + 2]);
  });
});

describe('Hashes', () => {
  it('beyond the queue are refused with Retry-After, and the metrics count done and refused ones and their waits', async () => {
    const app = await startAppForTest({ HASH_CONCURRENCY: '1', HASH_QUEUE: '2', PASSWORD_HASH: 'm=19456,t=4,p=1' });
    const login = () => app.http.post('/auth/login').send({ username: 'nobody', password: wrong });
    const answers = await Promise.all(times(12, login));
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) expectProblem(answer, 'overloaded');
    const compared = answers.length - refused.length;
    expect(await told(app, 'gatelatch_hashes_total', { outcome: 'refused' })).toBe(refused.length);
    expect(await told(app, 'gatelatch_hashes_total', { outcome: 'done' })).toBe(compared);
    expect(await told(app, 'gatelatch_hash_duration_seconds_count')).toBe(compared);
    expect(await told(app, 'gatelatch_hash_wait_seconds_count')).toBe(answers.length);
    expect(await told(app, 'gatelatch_hash_wait_seconds_sum')).toBeGreaterThan(0);
  });

  it('that run or wait now are shown next to their maximum from the settings', async () => {
    const app = await startAppForTest({ HASH_CONCURRENCY: '2', HASH_QUEUE: '9', PASSWORD_HASH: 'm=65536,t=6,p=1' });
    const logins = times(5, () => app.http.post('/auth/login').send({ username: 'nobody', password: wrong }).then());
    await expectTold(app, 'gatelatch_hashes_running', {}, 2);
    expect(await told(app, 'gatelatch_hash_queue_depth')).toBeGreaterThan(0);
    expect(await told(app, 'gatelatch_hashes_running_max')).toBe(2);
    expect(await told(app, 'gatelatch_hash_queue_depth_max')).toBe(9);
    await Promise.all(logins);
    await expectTold(app, 'gatelatch_hashes_running', {}, 0);
    await expectTold(app, 'gatelatch_hash_queue_depth', {}, 0);
  });
});

describe('The state', () => {
  it('of revocations and of the running version is shown', async () => {
    const app = shared;
    const { bearer } = await app.signUp();
    const before = Number(await told(app, 'gatelatch_revocations'));
    await app.http.post('/auth/logout').set(bearer).expect(204);
    expect(await told(app, 'gatelatch_revocations')).toBe(before + 1);
    expect(await told(app, 'gatelatch_revocations_complete')).toBe(1);
    expect(await told(app, 'gatelatch_feed_fresh')).toBe(1);
    expect(await told(app, 'gatelatch_build_info', { version: '0.1.0', node: process.versions.node })).toBe(1);
    await sleep(100);
    expect(await told(app, 'nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
  });

  it('of the list for other services and of its streams is shown', async () => {
    const app = await startAppForTest();
    const { bearer } = await app.signUp();
    expect(await told(app, 'gatelatch_revocation_list_entries')).toBe(0);
    const listener = await openListener(app.url);
    await expectTold(app, 'gatelatch_revocation_streams', {}, 1);
    await app.http.post('/auth/logout').set(bearer).expect(204);
    await expectTold(app, 'gatelatch_revocation_list_entries', {}, 1);
    listener.close();
    await expectTold(app, 'gatelatch_revocation_streams', {}, 0);
  });

  it('of the outbox is shown, with at most one query in five seconds', async () => {
    const app = await startAppForTest();
    const dead = () => app.deps.db.$executeRaw`
      INSERT INTO outbox (id, purpose, recipient, failed_at)
      VALUES (gen_random_uuid(), 'forgot', 'somebody@mail.example', clock_timestamp())`;
    await dead();
    expect(await told(app, 'gatelatch_outbox_mails', { state: 'dead' })).toBe(1);
    expect(await told(app, 'gatelatch_outbox_mails', { state: 'waiting' })).toBe(0);
    await dead();
    app.statements.length = 0;
    const read = await Promise.all(times(10, () => told(app, 'gatelatch_outbox_mails', { state: 'dead' })));
    expect(new Set(read)).toEqual(new Set([1]));
    expect(app.statements).toEqual([]);
  });

  it('is shown without the outbox if its query fails', async () => {
    const app = await startAppForTest();
    await app.deps.db.$executeRaw`DROP TABLE outbox`;
    expect(await told(app, 'gatelatch_outbox_mails')).toBeUndefined();
    expect(await told(app, 'gatelatch_revocations')).toBe(0);
  });

  it('contains no data of any user', async () => {
    const app = shared;
    const email = 'ada@mail.example';
    const user = await app.signUp({ username: 'ada-of-nobody', email });
    await app.http.post('/auth/login').send({ username: email, password: wrong }).expect(401);
    await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken }).expect(200);
    await app.http.get(`/me?access_token=${user.accessToken}`).set(user.bearer).expect(200);
    const { text } = await app.http.get('/metrics');
    const secrets = [
      user.username,
      email,
      user.userId,
      user.sessionId,
      user.accessToken,
      user.refreshToken,
      '127.0.0.1',
    ];
    for (const secret of secrets) expect(text).not.toContain(secret);
  });
});
