import { expect, test } from 'vitest';
import { startAppForTest, type TestApp } from '../support/app.js';

const password = 'nine geese over a quiet lake';

// About 200 ms on a free core of an ordinary machine.
const dearCost = 'm=10240,t=20,p=1';

type Answer = { status: number; ms: number };

async function logIn(
  { url }: TestApp,
  typed: string,
  { username = 'ada', from = '192.0.2.1', signal }: { username?: string; from?: string; signal?: AbortSignal } = {},
): Promise<Answer> {
  const begun = performance.now();
  const answer = await fetch(`${url}/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': from },
    body: JSON.stringify({ username, password: typed }),
    ...(signal && { signal }),
  });
  await answer.arrayBuffer();
  return { status: answer.status, ms: performance.now() - begun };
}

/** An imported hash that no password matches. */
function storedHash(cost: string): string {
  return `$imported$argon2id$v=19$${cost}$c29tZXNhbHQ$${'A'.repeat(43)}`;
}

test('of 100 or 400 logins at once with a dear hash, those that cannot be served in time hear so at once', async () => {
  const app = await startAppForTest({ PASSWORD_HASH: dearCost, HASH_CONCURRENCY: '2' });
  await app.signUp({ username: 'ada', password });
  const crowd = (size: number, typed: string) => Promise.all(Array.from({ length: size }, () => logIn(app, typed)));
  // Code that runs for the first time is slow.
  await crowd(100, password);
  for (const size of [100, 400]) {
    // Twice what client and machine take for as many requests that are refused for their form.
    const busy = 2 * Math.max(...(await crowd(size, '')).map(({ ms }) => ms));
    const answers = await crowd(size, password);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
    const refusals = answers.filter(({ status }) => status === 503).map(({ ms }) => ms);
    refusals.sort((one, other) => one - other);
    expect(refusals.length).toBeGreaterThan(size / 2);
    expect(refusals[Math.floor(refusals.length * 0.95)]).toBeLessThan(1000 + busy);
    expect(refusals.at(-1)).toBeLessThan(3000 + busy);
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(4500 + busy);
    const next = await logIn(app, password);
    expect(next).toMatchObject({ status: 200 });
    expect(next.ms).toBeLessThan(3000 + busy);
  }
}, 60_000);

test('no hash is computed for clients that have gone away', async () => {
  const app = await startAppForTest({ HASH_CONCURRENCY: '1' });
  await app.signUp({ username: 'bob', password });
  // It keeps the gate busy for half a second or more.
  await app.deps.db.user.updateMany({ data: { passwordHash: storedHash('m=65536,t=8,p=1') } });
  await app.signUp({ username: 'ada', password });
  const read = async (name: RegExp) => Number(name.exec(await app.deps.metrics.read())?.[1]);
  const [running, waiting] = [() => read(/hashes_running (\d+)/), () => read(/hash_queue_depth (\d+)/)];
  const computed = () => read(/hashes_total\{outcome="done"\} (\d+)/);
  const before = await computed();
  const busy = logIn(app, 'wrong', { username: 'bob' });
  await expect.poll(running, { timeout: 5000, interval: 5 }).toBe(1);
  const gone = new AbortController();
  const flood = Array.from({ length: 8 }, () => logIn(app, password, { signal: gone.signal }).catch(() => undefined));
  await expect.poll(waiting, { timeout: 5000, interval: 5 }).toBe(8);
  gone.abort();
  await Promise.all(flood);
  await expect.poll(waiting, { timeout: 5000, interval: 5 }).toBe(0);
  await busy;
  expect((await computed()) - before).toBe(1);
  expect(await logIn(app, password)).toMatchObject({ status: 200 });
}, 60_000);

test('a flood from one IPv6 /64 takes no place of honest logins from elsewhere', async () => {
  const app = await startAppForTest({ HASH_CONCURRENCY: '1', HASH_QUEUE: '4', TRUST_PROXY: '1' });
  await app.signUp({ username: 'ada', password });
  // Logins whose users are still being read, which fill the queue.
  const flood = Array.from({ length: 5 }, (_, n) => `2001:db8:0:7::${n + 1}`);
  for (const address of flood) app.deps.passwords.announce({ address, userAgent: undefined });
  expect(await logIn(app, password, { from: '2001:db8:0:7::ff' })).toMatchObject({ status: 503 });
  for (const from of ['2001:db8:0:8::1', '192.0.2.7', '2001:db8:0:9::1'])
    expect(await logIn(app, password, { from }), from).toMatchObject({ status: 200 });
}, 60_000);

test('a stranger’s guesses at a user whose stored hash costs 1 GiB and 20 passes take no more than others, and the log says whose hash it is', async () => {
  const app = await startAppForTest();
  const { userId } = await app.signUp({ username: 'ada', password });
  const dear = storedHash('m=1048576,t=20,p=1');
  for (const passwordHash of [dear, dear.replace('$imported', '')]) {
    await app.deps.db.user.updateMany({ data: { passwordHash } });
    const answer = await logIn(app, 'wrong');
    expect(answer.status).toBe(401);
    expect(answer.ms).toBeLessThan(3000);
  }
  const reports = app.logs.filter(({ msg }) => /costs too much/.test(String(msg)));
  expect(reports).toEqual([expect.objectContaining({ userId }), expect.objectContaining({ userId })]);
}, 60_000);
