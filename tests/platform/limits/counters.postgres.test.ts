import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { checkRedis } from '../../../src/operations/doctor/redis-check.js';
import { purgeLimits } from '../../../src/platform/limits/purge.js';
import { startApp, startAppForTest, type TestApp } from '../../support/app.js';
import { selfSignedCertificate } from '../../support/certificate.js';
import {
  countHashes,
  guess,
  limitsOn,
  logIn,
  newAddress,
  statusesOf,
  tallyOf,
  times,
  wrong,
} from '../../support/limits.js';
import { type RedisServer, startRedisServer } from '../../support/redis-server.js';
import { createServerDatabase, type TestDatabase } from '../../support/test-database.js';

const startedWith = { ...limitsOn, RATE_LIMIT_LOGIN_ADDRESS: '1000/15m' };
const linesOf = (app: TestApp, words: RegExp) => app.logs.filter(({ msg }) => words.test(`${msg}`));

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis?.remove());

describe.each(['Postgres', 'Redis'])('Two instances on %s', (store) => {
  let database: TestDatabase;
  let one: TestApp;
  let other: TestApp;
  const settings = () => ({ ...startedWith, ...(store === 'Redis' && { REDIS_URL: redis.url }) });
  const start = (more = {}) => startApp({ ...settings(), ...more }, { databaseUrl: database.url });

  beforeAll(async () => {
    database = await createServerDatabase();
    one = await start();
    other = await start();
  });
  afterAll(async () => {
    await Promise.all([one?.stop(), other?.stop()]);
    await database?.drop();
  });

  it('count together: 10 wrong passwords in total, one after the other', async () => {
    newAddress();
    const { username, deviceToken } = await one.signUp();
    expect(statusesOf(await guess(one, 6, { username }))).toEqual(Array(6).fill(401));
    expect(statusesOf(await guess(other, 6, { username }))).toEqual([401, 401, 401, 401, 429, 429]);
    expect(statusesOf([await logIn(one, { username }), await logIn(other, { username })])).toEqual([429, 429]);
    expect((await logIn(other, { username, device_token: deviceToken })).status).toBe(200);
  });

  it('hash 10 of 200 wrong passwords at once', async () => {
    const { username } = await one.signUp();
    const hashes = [countHashes(one), countHashes(other)];
    const answers = await Promise.all(
      times(200, (n) => logIn(n % 2 ? one : other, { username, password: wrong, from: `198.51.100.${n}` })),
    );
    expect(tallyOf(answers)).toEqual({ 401: 10, 429: 190 });
    expect(hashes.map((spy) => spy.mock.calls.length).reduce((sum, calls) => sum + calls)).toBe(10);
  });

  it('accept 20 right passwords at once, on either instance or on both', async () => {
    newAddress();
    const { username } = await one.signUp();
    for (const at of [[one, other], [one], [other]] as TestApp[][])
      expect(tallyOf(await Promise.all(times(20, (n) => logIn(at[n % at.length] as TestApp, { username }))))).toEqual({
        200: 20,
      });
    expect(statusesOf(await guess(other, 11, { username }))).toEqual([...Array(10).fill(401), 429]);
  });

  it('keep the counts over a restart', async () => {
    newAddress();
    const { username } = await one.signUp();
    await guess(one, 10, { username });
    const third = await start();
    const answer = await logIn(third, { username });
    await third.stop();
    expect(answer.status).toBe(429);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(600);
  });

  it('give no point of an old window back to the next one', async () => {
    newAddress();
    const app = await start({ RATE_LIMIT_LOGIN_ACCOUNT: '2/3s' });
    const { username } = await app.signUp();
    const slow = countHashes(app).mockImplementation(async () => sleep(3_300, true));
    expect(tallyOf(await Promise.all(times(2, () => logIn(app, { username }))))).toEqual({ 200: 2 });
    slow.mockRestore();
    expect(statusesOf(await guess(other, 1, { username: 'another' }))).toEqual([401]);
    expect(statusesOf(await guess(app, 3, { username }))).toEqual([401, 401, 429]);
    await app.stop();
  });
});

describe('On Postgres', () => {
  it('a count holds no typed text and no address, and is removed after its window', async () => {
    const app = await startAppForTest(startedWith);
    await guess(app, 1, { username: 'a-typed-name', from: '203.0.113.77' });
    const rows = await app.deps.db.$queryRaw<{ key: string; points: number }[]>`SELECT key, points FROM rate_limit`;
    expect(rows.map(({ key }) => key.replace(/:[\w-]{22}$/, '')).sort()).toEqual([
      'login_account',
      'login_address',
      'login_user',
    ]);
    expect(rows.map(({ points }) => points)).toEqual([1, 1, 1]);
    expect(await purgeLimits(app.deps)).toBe(0);
    await app.deps.db.$executeRaw`UPDATE rate_limit SET expire = expire - 3600 * 1000`;
    expect(await purgeLimits(app.deps)).toBe(3);
  });

  it('a flood on one key hardly uses the pool: a used-up key is looked up once a second', async () => {
    const app = await startAppForTest(startedWith);
    await guess(app, 11, { username: 'flooded' });
    const limits = Object.values(app.deps.limits ?? {}).filter((limit) => 'take' in limit);
    const asked = limits.flatMap((limit) => [vi.spyOn(limit, 'take'), vi.spyOn(limit, 'takeNow')]);
    const answers = await Promise.all(times(200, () => logIn(app, { username: 'flooded', password: wrong })));
    expect(tallyOf(answers)).toEqual({ 429: 200 });
    const asks = asked.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
    // A used-up key is not looked up again for a second; the 200 logins may take several.
    expect(asks).toBeLessThan(100);
    const [address] = await app.deps.db.$queryRaw<{ points: number }[]>`
      SELECT points FROM rate_limit WHERE key LIKE 'login_address:%'`;
    expect(address?.points).toBe(10);
  });

  it('without its table there is still a limit, no failure, and one log line', async () => {
    const app = await startAppForTest(startedWith);
    const { username } = await app.signUp();
    await app.deps.db.$executeRaw`ALTER TABLE rate_limit RENAME TO rate_limit_away`;
    expect(statusesOf(await guess(app, 12, { username }))).toEqual([...Array(10).fill(401), 429, 429]);
    expect(tallyOf(await Promise.all(times(50, () => logIn(app, { username: 'another', password: wrong }))))).toEqual({
      401: 10,
      429: 40,
    });
    expect(linesOf(app, /store of the rate limits is down/)).toHaveLength(1);
    await app.deps.db.$executeRaw`ALTER TABLE rate_limit_away RENAME TO rate_limit`;
    await sleep(1_100);
    await guess(app, 1, { username: 'a-third' });
    expect(linesOf(app, /store of the rate limits is back/)).toHaveLength(1);
  });
});

describe('With Redis', () => {
  const names = /store of the rate limits is (down|back)/;

  it('there is always a limit and never a failure when it crashes, comes back, hangs and answers again', async () => {
    const app = await startAppForTest({ ...startedWith, REDIS_URL: redis.url });
    expect(statusesOf(await guess(app, 11, { username: 'first' }))).toEqual([...Array(10).fill(401), 429]);
    await redis.crash();
    expect(statusesOf(await guess(app, 11, { username: 'second' }))).toEqual([...Array(10).fill(401), 429]);
    await redis.restart();
    await sleep(2_500);
    expect(statusesOf(await guess(app, 11, { username: 'third' }))).toEqual([...Array(10).fill(401), 429]);
    expect(linesOf(app, names).map(({ msg }) => names.exec(`${msg}`)?.[1])).toEqual(['down', 'back']);
    redis.freeze();
    const startedAt = performance.now();
    expect(statusesOf(await guess(app, 11, { username: 'fourth' }))).toEqual([...Array(10).fill(401), 429]);
    expect(performance.now() - startedAt).toBeLessThan(6_000);
    redis.thaw();
    expect(linesOf(app, names)).toHaveLength(3);
  });

  it('away at the start, the server starts and logs users in, and uses Redis when it comes', async () => {
    await redis.crash();
    const app = await startAppForTest({ ...startedWith, REDIS_URL: redis.url });
    const { username } = await app.signUp();
    expect((await logIn(app, { username })).status).toBe(200);
    expect(statusesOf(await guess(app, 11, { username }))).toEqual([...Array(10).fill(401), 429]);
    await redis.restart();
    await sleep(2_500);
    expect((await logIn(app, { username: 'another', password: wrong })).status).toBe(401);
    expect(linesOf(app, names).map(({ msg }) => names.exec(`${msg}`)?.[1])).toEqual(['down', 'back']);
  });

  describe('that cannot be used, the log says why, and so does doctor, without the password:', () => {
    const password = 'a-password-of-redis';
    let guarded: RedisServer;
    let speaksTls: Server;
    beforeAll(async () => {
      guarded = await startRedisServer('--requirepass', password);
      speaksTls = createServer(selfSignedCertificate()).listen(0, '127.0.0.1');
      await once(speaksTls, 'listening');
    });
    afterAll(async () => {
      speaksTls.close();
      await guarded.remove();
    });

    const cases: [string, () => string, RegExp][] = [
      ['no password', () => guarded.url, /^Redis refuses the user or password in REDIS_URL \(NOAUTH /],
      ['a wrong password', () => guarded.url.replace('//', `//:not-${password}@`), /REDIS_URL \(WRONGPASS /],
      ['TLS on our side only', () => guarded.url.replace('redis:', 'rediss:'), /if it speaks no TLS, .* redis:\/\/$/],
      [
        'TLS on its side only',
        () => `redis://127.0.0.1:${(speaksTls.address() as AddressInfo).port}`,
        /if it speaks TLS, .* rediss:\/\/$/,
      ],
      ['nobody there', () => 'redis://127.0.0.1:1', /^Redis cannot be used \(connect ECONNREFUSED /],
    ];

    it.each(cases)('%s', async (_, url, why) => {
      const app = await startAppForTest({ ...startedWith, REDIS_URL: url() });
      expect(statusesOf(await guess(app, 11, { username: 'somebody' }))).toEqual([...Array(10).fill(401), 429]);
      const lines = linesOf(app, /store of the rate limits/);
      expect(lines.map(({ err }) => (err as Error).message)).toEqual(Array(2).fill(expect.stringMatching(why)));
      const found = await checkRedis(app.config.limits);
      expect(found).toEqual([
        { check: 'Redis', status: 'problem', detail: expect.any(String), mend: expect.stringMatching(/REDIS_URL/) },
      ]);
      expect(JSON.stringify([app.logs, found])).not.toContain(password);
    });

    it('doctor is content with the right password', async () => {
      const { config } = await startAppForTest({
        ...startedWith,
        REDIS_URL: guarded.url.replace('//', `//:${password}@`),
      });
      expect(await checkRedis(config.limits)).toEqual([expect.objectContaining({ check: 'Redis', status: 'ok' })]);
    });
  });
});
