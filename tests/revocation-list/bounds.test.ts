import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { startAppForTest, type TestApp } from '../support/app.js';
import { expectProblem } from '../support/problem.js';
import { hashedId, openListener } from '../support/revocation-listener.js';

const path = '/.well-known/revocations';
const hashed = (id: string) => hashedId('http://localhost:3000', id);
const ids = (count: number) => Array.from({ length: count }, () => uuidv7());

async function listen(app: TestApp, headers = {}) {
  const listener = await openListener(app.url, { headers });
  onTestFinished(listener.close);
  return listener;
}

function endSessions(app: TestApp, sessionIds: string[]): void {
  const keepUntil = new Date(Date.now() + 900_000);
  app.deps.revocations.add(sessionIds.map((sessionId) => ({ userId: sessionId, sessionId, version: null, keepUntil })));
}

describe('An instance that cannot say everything', () => {
  it('because there are more than 50,000 entries answers 503, and ends its streams before it leaves one out', async () => {
    const app = await startAppForTest();
    const { heard, isOver } = await listen(app);
    const all = ids(50_000);
    endSessions(app, all);
    await expect.poll(() => heard.some(({ list }) => Object.keys(list.sessions).length === all.length)).toBe(true);
    const { text } = await app.http.get(path).expect(200);
    expect(text.length).toBeLessThan(4 * 1024 * 1024);
    expect(isOver()).toBe(false);

    const [oneMore = ''] = ids(1);
    endSessions(app, [oneMore]);
    await expect.poll(isOver).toBe(true);
    expect(heard.some(({ list }) => hashed(oneMore) in list.sessions)).toBe(false);
    for (const at of [path, `${path}/stream`]) {
      const answer = await app.http.get(at);
      expectProblem(answer, 'database_unavailable');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
  });

  it('counts the sessions that one ending names, too', async () => {
    const app = await startAppForTest();
    const [userId = ''] = ids(1);
    const keepUntil = new Date(Date.now() + 900_000);
    const ending = { userId, sessionId: null, version: null, epoch: 1, keptId: null, keepUntil };
    app.deps.revocations.add([{ ...ending, sessionIds: ids(50_000) }]);
    expectProblem(await app.http.get(path), 'database_unavailable');
  });
});

describe('A reader that does not read', () => {
  it('is cut, and others hear everything in time', { timeout: 60_000 }, async () => {
    const app = await startAppForTest();
    const [reading, sleeping] = [await listen(app), await listen(app)];
    await expect.poll(() => reading.heard.length && sleeping.heard.length).toBeGreaterThan(0);
    expect(app.deps.revocationStreams.size()).toBe(2);
    sleeping.pause();

    const users = ids(10_000);
    const keepUntil = new Date(Date.now() + 900_000);
    // The kernel keeps some for a reader, too, so it takes a while until anything waits here.
    for (let version = 1; app.deps.revocationStreams.size() === 2; version += 1) {
      expect(version).toBeLessThan(60);
      app.deps.revocations.add(users.map((userId) => ({ userId, sessionId: null, version, keepUntil })));
      const began = performance.now();
      const last = () => Object.values(reading.heard.at(-1)?.list.users ?? {})[0]?.[0];
      await expect.poll(last, { interval: 20 }).toBe(version);
      expect(performance.now() - began).toBeLessThan(1_500);
    }
    expect(reading.isOver()).toBe(false);
    await sleep(2_500);
    expect(app.deps.revocationStreams.size()).toBe(1);
    expect(reading.heard.at(-1)?.list.users).toEqual({});
  });
});

describe('A stream', () => {
  it('ends after an hour, more or less by chance, also if its reader sleeps', async () => {
    const app = await startAppForTest();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const [reading, sleeping] = [await listen(app), await listen(app)];
    sleeping.pause();
    vi.advanceTimersByTime(45 * 60_000);
    expect(app.deps.revocationStreams.size()).toBe(2);
    vi.advanceTimersByTime(30 * 60_000);
    vi.useRealTimers();
    expect(app.deps.revocationStreams.size()).toBe(0);
    await expect.poll(reading.isOver).toBe(true);
    await app.http.get(path).expect(200);
  });
});

describe('Streams and list', () => {
  it('read no cookie, set none, and do not differ by one', async () => {
    const app = await startAppForTest();
    const user = await app.signUp();
    const cookies = ['access_token=nothing', 'access_token=a; access_token=b', `access_token=${user.accessToken}`];
    for (const at of [path, `${path}/stream`])
      for (const Cookie of cookies) {
        const { status, headers } = await app.http.head(at).set({ Cookie, 'Sec-Fetch-Site': 'cross-site' });
        expect([status, headers['set-cookie']]).toEqual([200, undefined]);
        expect(`${headers.vary}`).not.toMatch(/cookie/i);
      }
    await expect.poll(app.deps.revocationStreams.size).toBe(0);
  });
});
