import { expect, test } from 'vitest';
import { startAppForTest, type TestApp } from '../support/app.js';

const password = 'nine geese over a quiet lake';

// About 200 ms on a free core of an ordinary machine.
const dearCost = 'm=10240,t=20,p=1';

type Answer = { status: number; ms: number };

async function logIn({ url }: TestApp, typed: string, signal?: AbortSignal): Promise<Answer> {
  const begun = performance.now();
  const answer = await fetch(`${url}/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username: 'ada', password: typed }),
    ...(signal && { signal }),
  });
  await answer.arrayBuffer();
  return { status: answer.status, ms: performance.now() - begun };
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
    expect(next.ms).toBeLessThan(3000);
  }
}, 60_000);

test('no hash is computed for clients that have gone away', async () => {
  const app = await startAppForTest({ PASSWORD_HASH: dearCost, HASH_CONCURRENCY: '1' });
  await app.signUp({ username: 'ada', password });
  const read = async (name: RegExp) => Number(name.exec(await app.deps.metrics.read())?.[1]);
  const waiting = () => read(/hash_queue_depth (\d+)/);
  const computed = () => read(/hashes_total\{outcome="done"\} (\d+)/);
  const gone = new AbortController();
  const flood = Array.from({ length: 8 }, () => logIn(app, password, gone.signal).catch(() => undefined));
  await expect.poll(waiting, { timeout: 5000, interval: 10 }).toBeGreaterThan(3);
  const before = await computed();
  gone.abort();
  await Promise.all(flood);
  await expect.poll(waiting, { timeout: 5000 }).toBe(0);
  expect(await logIn(app, password)).toMatchObject({ status: 200 });
  // Those that ran, and the last one. Of a queue that is waited for, there would be more.
  expect((await computed()) - before).toBeLessThan(5);
}, 60_000);

test('a stranger’s guesses at a user whose stored hash costs 1 GiB and 20 passes take no more than others', async () => {
  const app = await startAppForTest();
  await app.signUp({ username: 'ada', password });
  const dear = `$imported$argon2id$v=19$m=1048576,t=20,p=1$${'c29tZXNhbHQ'}$${'A'.repeat(43)}`;
  for (const passwordHash of [dear, dear.replace('$imported', '')]) {
    await app.deps.db.user.updateMany({ data: { passwordHash } });
    const answer = await logIn(app, 'wrong');
    expect(answer.status).toBe(401);
    expect(answer.ms).toBeLessThan(3000);
  }
}, 60_000);
