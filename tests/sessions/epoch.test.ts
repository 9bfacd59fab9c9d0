import { randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRevocations } from '../../src/sessions/revocations.js';
import { finishEndings } from '../../src/sessions/unfinished.js';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';

type Device = Pick<SignedUp, 'bearer' | 'refreshToken' | 'sessionId'>;

describe('the epoch of a user', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  async function logIn({ username }: SignedUp, on = app, password = goodPassword): Promise<Device> {
    const { body } = await on.http.post('/auth/login').send({ username, password }).expect(200);
    const bearer = { Authorization: `Bearer ${body.access_token}` };
    return { bearer, refreshToken: body.refresh_token, sessionId: body.session_id };
  }
  async function stateOf({ bearer, refreshToken }: Device, on = app): Promise<unknown[]> {
    const { status, body } = await on.http.get('/welcome').set(bearer);
    const refreshed = await on.http.post('/auth/refresh').send({ refresh_token: refreshToken });
    return [body.code ?? status, refreshed.body.code ?? refreshed.status];
  }
  const dead = ['session_revoked', 'session_revoked'];

  it('ends sessions whose rows do not say so yet, for every route, and a job marks them', async () => {
    const user = await app.signUp();
    const { db } = app.deps;
    const old = await logIn(user);
    await db.$executeRaw`
      INSERT INTO session (id, user_id, nonce_hash, access_expires_at)
      SELECT gen_random_uuid(), ${user.userId}::uuid, '\\x00', clock_timestamp() + interval '15 minutes'
      FROM generate_series(1, 2500)`;
    await app.http.post('/auth/logout-all').set(user.bearer).expect(204);
    await db.$executeRaw`UPDATE session SET ended_at = NULL, end_reason = NULL WHERE id = ${old.sessionId}::uuid`;
    expect(await db.session.count({ where: { userId: user.userId, endedAt: null } })).toBeGreaterThan(1000);
    expect(await stateOf(old)).toEqual(dead);

    const now = await logIn(user);
    const { body } = await app.http.get('/auth/sessions').set(now.bearer);
    expect(body.data.map(({ id }: { id: string }) => id)).toEqual([now.sessionId]);
    await app.http.delete(`/auth/sessions/${old.sessionId}`).set(now.bearer).expect(404);

    await finishEndings(app.deps);
    const rows = await db.session.groupBy({ by: ['endReason'], where: { userId: user.userId }, _count: true });
    expect(new Map(rows.map(({ endReason, _count }) => [endReason, _count]))).toEqual(
      new Map([
        [null, 1],
        ['logout_all', 2502],
      ]),
    );
    expect(await db.unfinishedEnding.count()).toBe(0);
    expect(await stateOf(now)).toEqual([200, 200]);
  });

  it('is one row of revocations, however often everything ends', async () => {
    const user = await app.signUp();
    for (let time = 0; time < 3; time++) {
      const { bearer } = await logIn(user);
      await app.http.post('/auth/logout-all').set(bearer).expect(204);
    }
    const rows = await app.deps.db.revocation.findMany({ where: { userId: user.userId } });
    expect(rows.map(({ epoch }) => epoch)).toEqual([3]);
  });

  it('is kept by the session that changes the password, and by no other, also where the database is asked', async () => {
    const user = await app.signUp();
    const [phone, laptop] = [await logIn(user), await logIn(user)];
    const change = (one: Device, from: string, to: string) =>
      app.http.post('/me/password').set(one.bearer).send({ current_password: from, new_password: to }).expect(204);
    await change(phone, goodPassword, 'the second battery staple of many');
    await change(phone, 'the second battery staple of many', 'the third battery staple of many');
    const asksTheDatabase = createRevocations(app.deps.db);
    const claims = (one: Device) => ({
      ...(jwt.decode(one.bearer.Authorization.slice(7)) as never as Parameters<typeof asksTheDatabase.checkMemory>[0]),
      kid: app.deps.keys.active('access').kid,
      kind: 'session' as const,
    });
    expect(await asksTheDatabase.checkDatabase(claims(phone))).toBeUndefined();
    expect(await asksTheDatabase.checkDatabase(claims(laptop))).toBe('session_revoked');
    await asksTheDatabase.load();
    expect(asksTheDatabase.checkMemory(claims(phone))).toBeUndefined();
    expect(asksTheDatabase.checkMemory(claims(laptop))).toBe('session_revoked');
    expect(await stateOf(laptop)).toEqual(dead);
    expect(await stateOf(phone)).toEqual([200, 200]);
    await app.http.post('/auth/logout-all').set(phone.bearer).expect(204);
    expect(await stateOf(phone)).toEqual(dead);
  });

  it('lets in access tokens of releases without it, until everything of their user ends', async () => {
    const user = await app.signUp();
    const { epoch: _, ...claims } = jwt.decode(user.accessToken) as jwt.JwtPayload;
    const key = app.deps.keys.active('access');
    const old = jwt.sign({ ...claims, jti: randomUUID() }, key.privateKey, {
      algorithm: key.algorithm as jwt.Algorithm,
      header: { alg: key.algorithm, typ: 'at+jwt', kid: key.kid },
    });
    app.secrets.add('an access token of an older release', old);
    const bearer = { Authorization: `Bearer ${old}` };
    await app.http.get('/welcome').set(bearer).expect(200);
    await app.http.post('/auth/logout-all').set(user.bearer).expect(204);
    expect((await app.http.get('/welcome').set(bearer)).body.code).toBe('session_revoked');
  });
});

describe('SESSIONS_PER_USER', () => {
  it('lets a login past it end the oldest session, and no session of another user', async () => {
    const app = await startAppForTest({ SESSIONS_PER_USER: '3' });
    const [user, other] = [await app.signUp(), await app.signUp()];
    const devices: { access: string; id: string }[] = [{ access: user.accessToken, id: user.sessionId }];
    for (let time = 0; time < 4; time++) {
      const { body } = await app.http
        .post('/auth/login')
        .send({ username: user.username, password: goodPassword })
        .expect(200);
      devices.push({ access: body.access_token, id: body.session_id });
    }
    const states = [];
    for (const { access } of devices) {
      const { status, body } = await app.http.get('/welcome').set('Authorization', `Bearer ${access}`);
      states.push(body.code ?? status);
    }
    expect(states).toEqual(['session_revoked', 'session_revoked', 200, 200, 200]);
    await app.http.get('/welcome').set(other.bearer).expect(200);
    const ended = await app.deps.db.auditEvent.findMany({ where: { action: 'session.ended' }, orderBy: { id: 'asc' } });
    expect(ended.map(({ detail }) => detail)).toEqual(
      devices.slice(0, 2).map(({ id }) => ({ reason: 'session_limit', sessions: [id] })),
    );
  });
});
