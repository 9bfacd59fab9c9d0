import argon2 from 'argon2';
import { expect, test } from 'vitest';
import { startAppForTest, type TestApp } from '../support/app.js';

const password = 'nine geese over a quiet lake';

/** The argon2id cost of which one hash takes about 200 ms here, whatever the machine does beside. */
async function costOf200Ms(): Promise<string> {
  const memoryCost = 8192;
  const begun = performance.now();
  await argon2.hash(password, { memoryCost, timeCost: 4, parallelism: 1 });
  const passes = Math.round((4 * 200) / (performance.now() - begun));
  return `m=${memoryCost},t=${Math.min(20, Math.max(1, passes))},p=1`;
}

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
  const app = await startAppForTest({ PASSWORD_HASH: await costOf200Ms(), HASH_CONCURRENCY: '2' });
  await app.signUp({ username: 'ada', password });
  for (const crowd of [100, 400]) {
    const answers = await Promise.all(Array.from({ length: crowd }, () => logIn(app, password)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 503]));
    const refusals = answers.filter(({ status }) => status === 503).map(({ ms }) => ms);
    refusals.sort((one, other) => one - other);
    expect(refusals.length).toBeGreaterThan(crowd / 2);
    expect(refusals[Math.floor(refusals.length * 0.95)]).toBeLessThan(1000);
    expect(refusals.at(-1)).toBeLessThan(3000);
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(4500);
    const next = await logIn(app, password);
    expect(next).toMatchObject({ status: 200 });
    expect(next.ms).toBeLessThan(3000);
  }
}, 60_000);

test('clients that have gone away are not waited for', async () => {
  const app = await startAppForTest({ PASSWORD_HASH: await costOf200Ms(), HASH_CONCURRENCY: '1' });
  await app.signUp({ username: 'ada', password });
  const gone = new AbortController();
  const flood = Array.from({ length: 120 }, () => logIn(app, password, gone.signal).catch(() => undefined));
  await expect.poll(() => app.deps.metrics.render().then((text) => /queue_depth (\d+)/.exec(text)?.[1])).not.toBe('0');
  gone.abort();
  await Promise.all(flood);
  // The server hears of a closed connection a little later.
  await expect.poll(() => app.deps.metrics.render().then((text) => /queue_depth (\d+)/.exec(text)?.[1])).toBe('0');
  expect(await logIn(app, password)).toMatchObject({ status: 200 });
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
