import { setTimeout as sleep } from 'node:timers/promises';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import { insertApiKey } from '../support/api-keys.js';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { expectProblem } from '../support/problem.js';
import { hashedId, type List, type Listener, openListener } from '../support/revocation-listener.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

const hashed = (id: string) => hashedId('http://localhost:3000', id);

/** What a service does with a list before it believes it. */
async function opened(text: string, of = app): Promise<List> {
  const keys = createRemoteJWKSet(new URL(`${of.url}/.well-known/jwks.json`));
  const { payload, protectedHeader } = await jwtVerify(text, keys, {
    issuer: 'http://localhost:3000',
    typ: 'revocations+jwt',
    algorithms: ['ES256'],
  });
  expect(Object.keys(protectedHeader).sort()).toEqual(['alg', 'kid', 'typ']);
  return payload as unknown as List;
}

async function list(of = app): Promise<List> {
  // One that was made before may be half a second old.
  await sleep(500);
  return opened((await of.http.get('/.well-known/revocations').expect(200)).text, of);
}

describe('GET /.well-known/revocations', () => {
  it('is a signed list that says something for 30 seconds, and names the keys that are good', async () => {
    const answer = await app.http.get('/.well-known/revocations').expect(200);
    expect(answer.headers['content-type']).toBe('application/jwt');
    expect(answer.headers['cache-control']).toBe('public, max-age=1');
    const { iss, iat, exp, complete, keys } = await opened(answer.text);
    expect([iss, exp - iat, complete]).toEqual(['http://localhost:3000', 30, true]);
    const jwks = await app.http.get('/.well-known/jwks.json');
    expect(keys).toEqual(jwks.body.keys.map(({ kid }: { kid: string }) => kid));
    expect(Math.abs(iat - Date.now() / 1000)).toBeLessThan(3);
  });

  it('has a session that was logged out, until its last access token has expired, and no id of anything', async () => {
    const user = await app.signUp();
    expect((await list()).sessions).not.toHaveProperty(hashed(user.sessionId));
    await app.http.post('/auth/logout').set(user.bearer).expect(204);
    await sleep(500);
    const { text } = await app.http.get('/.well-known/revocations');
    const { sessions } = await opened(text);
    expect(sessions[hashed(user.sessionId)]).toBeGreaterThan(Date.now() / 1000 + 800);
    const payload = Buffer.from(text.split('.')[1] ?? '', 'base64url').toString();
    for (const id of [user.sessionId, user.userId, user.username]) expect(payload).not.toContain(id);
  });

  it('has a user whose roles changed, with the least version that is good', async () => {
    const user = await app.signUp();
    await changeUser(app.deps, user.userId, { roles: ['editor'] }, {}, 'all');
    expect((await list()).users[hashed(user.userId)]?.[0]).toBe(1);
  });

  it('has each session that ended with all of its user, the user’s epoch, and the session that was spared', async () => {
    const user = await app.signUp();
    const others = await Promise.all(Array.from({ length: 3 }, () => logIn(user)));
    const body = { current_password: goodPassword, new_password: 'nine other geese over the lake' };
    await app.http.post('/me/password').set(user.bearer).send(body).expect(204);
    const { sessions, epochs } = await list();
    for (const { session_id } of others) expect(sessions).toHaveProperty(hashed(session_id));
    expect(sessions).not.toHaveProperty(hashed(user.sessionId));
    const [epoch, , kept] = epochs[hashed(user.userId)] ?? [];
    expect([epoch, kept]).toEqual([1, hashed(user.sessionId)]);

    // A second ending forgets none of the first.
    await app.http.post('/auth/logout-all').set(user.bearer).expect(204);
    const after = await list();
    for (const { session_id } of others) expect(after.sessions).toHaveProperty(hashed(session_id));
    expect(after.sessions).toHaveProperty(hashed(user.sessionId));
  });

  it('has a disabled user’s version and sessions, and a deleted user’s keys', async () => {
    const user = await app.signUp();
    const key = await insertApiKey(app, user.userId, ['profile:read']);
    await changeUser(app.deps, user.userId, { disabled: true }, {}, 'all');
    const disabled = await list();
    expect(disabled.users).toHaveProperty(hashed(user.userId));
    expect(disabled.sessions).toHaveProperty(hashed(user.sessionId));
    expect(disabled.sessions).not.toHaveProperty(hashed(key.id));

    const gone = await app.signUp();
    const itsKey = await insertApiKey(app, gone.userId, ['profile:read']);
    await app.http.delete('/me').set(gone.bearer).send({ password: goodPassword }).expect(204);
    expect((await list()).sessions).toHaveProperty(hashed(itsKey.id));
  });

  it('answers 304 to who has it already, and another list once something has ended', async () => {
    const user = await app.signUp();
    await sleep(500);
    const { headers } = await app.http.get('/.well-known/revocations');
    const ask = (etag: string) => app.http.get('/.well-known/revocations').set('If-None-Match', etag);
    for (const etag of [headers.etag, `"else", W/${headers.etag}`]) expect((await ask(`${etag}`)).status).toBe(304);
    // The list is the same later on, although it was signed anew.
    await sleep(1_100);
    expect((await ask(`${headers.etag}`)).status).toBe(304);
    await app.http.post('/auth/logout').set(user.bearer).expect(204);
    await sleep(500);
    expect((await ask(`${headers.etag}`)).status).toBe(200);
  });

  it('costs no statement, and no cookie counts', async () => {
    app.statements.length = 0;
    await app.http
      .get('/.well-known/revocations')
      .set('Cookie', 'access_token=nothing; access_token=twice')
      .expect(200);
    expect(app.statements).toEqual([]);
  });

  it('is 404 where it is off, and under HS256, whose key is no service’s', async () => {
    for (const settings of [{ REVOCATION_LIST: 'off' }, { JWT_ALGORITHM: 'HS256' }]) {
      const other = await startAppForTest(settings);
      for (const path of ['/.well-known/revocations', '/.well-known/revocations/stream'])
        expectProblem(await other.http.get(path), 'not_found');
    }
  });

  async function logIn({ username, password }: SignedUp): Promise<{ session_id: string }> {
    return (await app.http.post('/auth/login').send({ username, password }).expect(200)).body;
  }
});

async function listen(of = app, headers: Record<string, string> = {}): Promise<Listener> {
  const listener = await openListener(of.url, { headers });
  onTestFinished(listener.close);
  return listener;
}

describe('GET /.well-known/revocations/stream', () => {
  it('begins with a whole list, tells an ending at once, and pulses so that silence means cut off', async () => {
    const user = await app.signUp();
    const { headers, heard } = await listen();
    expect(headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    await expect.poll(() => heard.length).toBeGreaterThan(0);
    expect(heard[0]?.list.complete).toBe(true);
    expect(heard[0]?.list.sessions).not.toHaveProperty(hashed(user.sessionId));

    const before = heard.length;
    await app.http.post('/auth/logout').set(user.bearer).expect(204);
    const ended = performance.now();
    const news = () => heard.slice(before).find(({ list }) => hashed(user.sessionId) in list.sessions);
    await expect.poll(news).toBeDefined();
    expect([news()?.list.complete, (news()?.at ?? 0) - ended < 1_000]).toEqual([false, true]);

    const told = heard.length;
    await expect.poll(() => heard.length - told, { timeout: 8_000 }).toBeGreaterThan(1);
    for (const { list } of heard.slice(told)) expect([list.complete, list.sessions]).toEqual([false, {}]);
  });

  it('goes on after the last message that was heard, and leaves nothing out', async () => {
    const user = await app.signUp();
    const staying = await listen();
    const leaving = await listen();
    await expect.poll(() => leaving.heard.length).toBeGreaterThan(0);
    leaving.close();
    await app.http.post('/auth/logout').set(user.bearer).expect(204);
    await expect.poll(() => staying.heard.some(({ list }) => hashed(user.sessionId) in list.sessions)).toBe(true);

    const back = await listen(app, { 'Last-Event-ID': leaving.heard.at(-1)?.id ?? '' });
    await expect.poll(() => back.heard.length).toBeGreaterThan(0);
    const [first] = back.heard;
    expect(first?.list.complete).toBe(false);
    expect(first?.list.sessions).toHaveProperty(hashed(user.sessionId));

    const stranger = await listen(app, { 'Last-Event-ID': 'of-another-instance.7' });
    await expect.poll(() => stranger.heard[0]?.list.complete).toBe(true);
  });

  it('begins anew for who comes back after nobody was there, because nothing was kept meanwhile', async () => {
    const other = await startAppForTest();
    const user = await other.signUp();
    const leaving = await listen(other);
    await expect.poll(() => leaving.heard.length).toBeGreaterThan(0);
    leaving.close();
    await expect.poll(other.deps.revocationStreams.size).toBe(0);
    await other.http.post('/auth/logout').set(user.bearer).expect(204);
    const back = await listen(other, { 'Last-Event-ID': leaving.heard.at(-1)?.id ?? '' });
    await expect.poll(() => back.heard[0]?.list.sessions).toHaveProperty(hashed(user.sessionId));
  });

  it('takes twenty from one address, and as many as the setting says from all', async () => {
    const other = await startAppForTest({ REVOCATION_STREAMS: '3' });
    const streams = [await listen(other), await listen(other), await listen(other)];
    expectProblem(await other.http.get('/.well-known/revocations/stream'), 'overloaded');
    streams[0]?.close();
    await expect
      .poll(async () => {
        const again = await listen(other);
        if (again.status !== 200) again.close();
        return again.status;
      })
      .toBe(200);

    const many = await startAppForTest();
    const taken = await Promise.all(Array.from({ length: 20 }, () => listen(many)));
    expect(taken.map(({ status }) => status)).toEqual(taken.map(() => 200));
    expectProblem(await many.http.get('/.well-known/revocations/stream'), 'rate_limited');
    await many.http.head('/.well-known/revocations/stream').expect(429);
  });

  it('goes on though the server was busy for a while, and leaves nothing out', async () => {
    const other = await startAppForTest();
    const { heard, isOver } = await listen(other);
    await expect.poll(() => heard.length).toBeGreaterThan(0);
    const user = await other.signUp();
    const logout = other.http.post('/auth/logout').set(user.bearer).send({ refresh_token: user.refreshToken });
    await logout.expect(204);
    const busyUntil = performance.now() + 900;
    while (performance.now() < busyUntil);
    await expect.poll(() => heard.some(({ list }) => hashed(user.sessionId) in list.sessions)).toBe(true);
    expect(isOver()).toBe(false);
  });

  it('ends at once when the server stops', async () => {
    const other = await startApp();
    const { isOver } = await listen(other);
    const began = performance.now();
    await other.stop();
    await expect.poll(isOver).toBe(true);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
