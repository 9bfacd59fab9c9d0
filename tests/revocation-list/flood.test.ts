import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { describe, expect, it, onTestFinished } from 'vitest';
import { endUserSessions } from '../../src/sessions/end.js';
import type { Revocation } from '../../src/sessions/revocations.js';
import { startAppForTest } from '../support/app.js';
import { expectProblem } from '../support/problem.js';
import { connectTo } from '../support/raw-http.js';
import { hashedId, type List, openListener } from '../support/revocation-listener.js';

const path = '/.well-known/revocations';
const hashed = (id: string) => hashedId('http://localhost:3000', id);
const inAnHour = () => new Date(Date.now() + 3_600_000);

function listIn(text: string): List {
  return JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString());
}

describe('The end of everything of a user', () => {
  it('is listed as long as a token of then lives, and names sessions whose tokens live', async () => {
    const app = await startAppForTest();
    const { db } = app.deps;
    const user = await app.signUp();
    const old = await app.http.post('/auth/login').send({ username: user.username, password: user.password });
    const over = new Date(Date.now() - 1_000);
    await db.session.update({ where: { id: old.body.session_id }, data: { accessExpiresAt: over } });
    await app.http.post('/auth/logout-all').set(user.bearer).expect(204);
    const [first] = await db.revocation.findMany({ where: { userId: user.userId } });
    expect(first?.sessionIds).toEqual([user.sessionId]);
    expect(first?.keepUntil.getTime()).toBeLessThanOrEqual(Date.now() + 900_000);
    expect(first?.keepUntil.getTime()).toBeGreaterThan(Date.now() + 890_000);

    const { sessions, epochs } = listIn((await app.http.get(path).expect(200)).text);
    expect(Object.keys(sessions)).toEqual([hashed(user.sessionId)]);
    // A minute more, for clocks that disagree.
    expect(epochs[hashed(user.userId)]?.[1]).toBeLessThanOrEqual(Date.now() / 1000 + 961);

    // A later ending with nothing to end keeps it so long, and forgets names that no live token has.
    await db.session.update({ where: { id: user.sessionId }, data: { accessExpiresAt: over } });
    await endUserSessions(app.deps, user.userId, 'ended_by_admin', {});
    const [second] = await db.revocation.findMany({ where: { userId: user.userId } });
    expect([second?.keepUntil, second?.sessionIds]).toEqual([first?.keepUntil, []]);
  });

  it('is listed for the longest life of any token where there were more sessions than are looked at', async () => {
    const app = await startAppForTest();
    const user = await app.signUp();
    await app.deps.db.$executeRaw`
      INSERT INTO session (id, user_id, epoch, nonce_hash, needs_access_cookie, access_expires_at, amr, acr, auth_time)
      SELECT gen_random_uuid(), user_id, epoch, nonce_hash, true, access_expires_at, amr, acr, auth_time
      FROM session, generate_series(1, 1000) WHERE id = ${user.sessionId}::uuid`;
    await app.http.post('/auth/logout-all').set(user.bearer).expect(204);
    const [row] = await app.deps.db.revocation.findMany({ where: { userId: user.userId } });
    expect(row?.keepUntil.getTime()).toBeGreaterThan(Date.now() + 86_300_000);
  });
});

describe('Asking for a long list', () => {
  it('costs a tenth of the time at most, while endings go on', { timeout: 60_000 }, async () => {
    const app = await startAppForTest();
    const endings = (count: number): Revocation[] =>
      Array.from({ length: count }, () => uuidv7()).map((sessionId) => {
        return { userId: sessionId, sessionId, version: null, keepUntil: inAnHour() };
      });
    app.deps.revocations.add(endings(20_000));
    await app.http.get(path).expect(200);
    const signed = new Set<string>();
    for (const until = Date.now() + 2_000; Date.now() < until; await sleep(1)) {
      app.deps.revocations.add(endings(1));
      const { text } = await app.http.get(path).expect(200);
      signed.add(listIn(text).seq + text.slice(-20));
    }
    // One each half second, or as soon as ten times its work is over: 150 ms at the least.
    expect(signed.size).toBeLessThan(20);
    const [last] = endings(1);
    app.deps.revocations.add(last ? [last] : []);
    await sleep(500);
    const { sessions } = listIn((await app.http.get(path).expect(200)).text);
    expect(sessions).toHaveProperty(hashed(last?.sessionId ?? ''));

    // A list that was made just before leaves nothing out for a stream that begins.
    const [before] = endings(1);
    app.deps.revocations.add(before ? [before] : []);
    await app.http.get(path).expect(200);
    for (const one of endings(5)) {
      app.deps.revocations.add([one]);
      const listener = await openListener(app.url);
      onTestFinished(listener.close);
      const heard = () => listener.heard.some(({ list }) => hashed(`${one.sessionId}`) in list.sessions);
      await expect.poll(heard).toBe(true);
      expect(listener.heard[0]?.list.complete).toBe(true);
    }
  });

  it('hears of the highest number, in whatever order several become known', async () => {
    const app = await startAppForTest();
    const { heard, close } = await openListener(app.url);
    onTestFinished(close);
    await expect.poll(() => heard.length).toBeGreaterThan(0);
    const [userId, spared] = [uuidv7(), uuidv7()];
    const of = { userId, sessionId: null, keepUntil: inAnHour() };
    const epoch = (number: number, keptId: string | null) => {
      return { ...of, version: null, epoch: number, keptId, sessionIds: [] };
    };
    app.deps.revocations.add([epoch(4, spared), epoch(3, null), { ...of, version: 6 }, { ...of, version: 5 }]);
    const news = () => heard.find(({ list }) => hashed(userId) in list.users)?.list;
    await expect.poll(news).toBeDefined();
    expect(news()?.users[hashed(userId)]?.[0]).toBe(6);
    const [number, , kept] = news()?.epochs[hashed(userId)] ?? [];
    expect([number, kept]).toEqual([4, hashed(spared)]);
  });
});

describe('Places of streams', () => {
  it('are free again when their clients leave before they have begun', { timeout: 60_000 }, async () => {
    const app = await startAppForTest({ REVOCATION_STREAMS: '5' });
    // Large heads wait for their turn, so these leave before it comes.
    const head = `GET ${path}/stream HTTP/1.1\r\nHost: a\r\n${'x: y\r\n'.repeat(200)}\r\n`;
    for (let round = 0; round < 20; round += 1) {
      const sockets = Array.from({ length: 20 }, () => connectTo(app));
      await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
      for (const socket of sockets) socket.write(head, () => socket.resetAndDestroy());
      await sleep(20);
    }
    await expect.poll(app.deps.revocationStreams.size).toBe(0);
    const { status, close } = await openListener(app.url);
    close();
    expect(status).toBe(200);
  });

  it('are counted for an IPv6 /56 and /48, too, with twice and three times as many', async () => {
    const app = await startAppForTest({ TRUST_PROXY: '1' });
    const open = async (address: string, count: number) => {
      const opened = Array.from({ length: count }, () =>
        openListener(app.url, { headers: { 'X-Forwarded-For': address } }),
      );
      for (const { close } of await Promise.all(opened)) onTestFinished(close);
      return new Set((await Promise.all(opened)).map(({ status }) => status));
    };
    expect(await open('2001:db8:1:1::1', 20)).toEqual(new Set([200]));
    expect(await open('2001:db8:1:2::1', 20)).toEqual(new Set([200]));
    expectProblem(await app.http.get(`${path}/stream`).set('X-Forwarded-For', '2001:db8:1:3::1'), 'rate_limited');
    expect(await open('2001:db8:1:103::1', 20)).toEqual(new Set([200]));
    expectProblem(await app.http.get(`${path}/stream`).set('X-Forwarded-For', '2001:db8:1:203::1'), 'rate_limited');
    expect(await open('2001:db8:2:1::1', 1)).toEqual(new Set([200]));
  });
});
