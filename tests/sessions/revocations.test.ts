import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser, deleteUser } from '../../src/admin/user-changes.js';
import type { Db } from '../../src/platform/db/database.js';
import type { AccessClaims } from '../../src/sessions/access-tokens.js';
import { endSession, endUserSessions } from '../../src/sessions/end.js';
import { revocationOf } from '../../src/sessions/live-tokens.js';
import { purgeSessions } from '../../src/sessions/purge.js';
import { createRevocations, type Revocation } from '../../src/sessions/revocations.js';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { lendDatabase } from '../support/lent-databases.js';

const inAnHour = () => new Date(Date.now() + 3_600_000);
const longAgo = new Date(Date.now() - 3_600_000);
const ended = (keepUntil = inAnHour()): Revocation & { sessionId: string } => ({
  userId: randomUUID(),
  sessionId: randomUUID(),
  version: null,
  keepUntil,
});
const claimsOf = (accessToken: string, kid = 'any') =>
  ({
    ...JSON.parse(Buffer.from(accessToken.split('.')[1] as string, 'base64url').toString()),
    kid,
    kind: 'session',
  }) as AccessClaims;
const kidOf = (accessToken: string) =>
  JSON.parse(Buffer.from(accessToken.split('.')[0] as string, 'base64url').toString()).kid as string;

describe('revocations', () => {
  let app: TestApp;
  let db: Db;
  beforeAll(async () => {
    app = await startApp();
    db = app.deps.db;
  });
  afterAll(() => app.stop());

  const welcome = async ({ bearer }: Pick<SignedUp, 'bearer'>, on = app) => {
    const { status, body } = await on.http.get('/welcome').set(bearer);
    return body.code ?? status;
  };
  const rowOf = (sessionId: string) => db.revocation.findFirstOrThrow({ where: { sessionId } });

  describe('are kept', () => {
    it('until the last access token of the session has expired, also one from a refresh', async () => {
      const user = await app.signUp();
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      const { body } = await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
      await endSession(app.deps, user.sessionId, 'logout', {});
      const { exp } = claimsOf(body.access_token);
      expect(exp).toBeGreaterThan(claimsOf(user.accessToken).exp);
      expect((await rowOf(user.sessionId)).keepUntil).toEqual(new Date(exp * 1000));
    });

    it('for the tokens of before where ACCESS_TOKEN_TTL was shortened in between, also over a restart and a purge', async () => {
      const database = await lendDatabase();
      const long = await startApp({}, { database });
      const user = await long.signUp();
      await long.stop();
      const short = await startApp({ ACCESS_TOKEN_TTL: '1' }, { database });
      const { body } = await short.http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
      expect(body.expires_in).toBe(1);
      await short.http.post('/auth/logout').set(user.bearer).expect(204);
      const row = await short.deps.db.revocation.findFirstOrThrow({ where: { sessionId: user.sessionId } });
      expect(row.keepUntil).toEqual(new Date(claimsOf(user.accessToken).exp * 1000));
      await purgeSessions(short.deps);
      await short.stop();
      const after = await startApp({ ACCESS_TOKEN_TTL: '1' }, { database });
      expect(await welcome(user, after)).toBe('session_revoked');
      await after.stop();
      await database.drop();
    });

    it('after the user and the session were deleted', async () => {
      const user = await app.signUp();
      await deleteUser(app.deps, user.userId, {}, 'all');
      expect(await db.session.count({ where: { id: user.sessionId } })).toBe(0);
      expect(await db.revocation.findFirst({ where: { userId: user.userId } })).toMatchObject({
        epoch: 1,
        keptId: null,
      });
      const restarted = createRevocations(db);
      await restarted.load();
      expect(restarted.checkMemory(claimsOf(user.accessToken))).toBe('session_revoked');
    });

    it('over a restart, for ended sessions and changed roles, and no other user is affected', async () => {
      const [out, stale, fine] = [await app.signUp(), await app.signUp(), await app.signUp()];
      await endUserSessions(app.deps, out.userId, 'logout_all', {});
      await changeUser(app.deps, stale.userId, { roles: ['editor'] }, {}, 'all');
      const restarted = createRevocations(db);
      await restarted.load();
      const seen = [out, stale, fine].map(({ accessToken }) => restarted.checkMemory(claimsOf(accessToken)));
      expect(seen).toEqual(['session_revoked', 'token_stale', undefined]);
    });
  });

  describe('of changed roles', () => {
    it('refuse older tokens as stale, but not the tokens of the next refresh', async () => {
      const user = await app.signUp();
      await changeUser(app.deps, user.userId, { roles: ['editor'] }, {}, 'all');
      expect(await welcome(user)).toBe('token_stale');
      const { body } = await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
      expect([claimsOf(body.access_token).roles, claimsOf(body.access_token).ver]).toEqual([['editor'], 1]);
      expect(await welcome({ bearer: { Authorization: `Bearer ${body.access_token}` } })).toBe(200);
      // Setting the same roles again changes nothing.
      await changeUser(app.deps, user.userId, { roles: ['editor'] }, {}, 'all');
      expect(await welcome({ bearer: { Authorization: `Bearer ${body.access_token}` } })).toBe(200);
    });

    it('keep the highest version, in whichever order they arrive', () => {
      const memory = createRevocations(db);
      const userId = randomUUID();
      for (const version of [1, 3, 2]) memory.add([{ userId, sessionId: null, version, keepUntil: inAnHour() }]);
      const refusals = [2, 3].map((ver) => memory.checkMemory({ sub: userId, sid: randomUUID(), ver } as AccessClaims));
      expect(refusals).toEqual(['token_stale', undefined]);
    });
  });

  describe('that do not fit in memory', () => {
    const fresh = { isFresh: () => true, lag: () => 0, stop: async () => {} };

    it('are checked in the database, with the same refusals', async () => {
      const [out, gone, stale, fine] = [await app.signUp(), await app.signUp(), await app.signUp(), await app.signUp()];
      const revocations = createRevocations(db, 3);
      const deps = { ...app.deps, revocations, feed: fresh };
      const refusal = async ({ accessToken }: SignedUp) =>
        revocationOf(deps, claimsOf(accessToken, kidOf(accessToken)));
      revocations.add(Array.from({ length: 4 }, () => ended()));
      expect([revocations.isComplete(), revocations.size()]).toEqual([false, 0]);
      await endUserSessions(deps, out.userId, 'logout_all', {});
      await deleteUser(deps, gone.userId, {}, 'all');
      await changeUser(deps, stale.userId, { roles: ['editor'] }, {}, 'all');
      expect(await Promise.all([out, gone, stale, fine].map(refusal))).toEqual([
        'session_revoked',
        'session_revoked',
        'token_stale',
        undefined,
      ]);
      // A purged session or a missing key counts as ended.
      expect(await revocations.checkDatabase({ ...claimsOf(fine.accessToken), kid: 'gone' })).toBe('invalid_token');
      await db.session.delete({ where: { id: fine.sessionId } });
      expect(await refusal(fine)).toBe('session_revoked');
    });

    it('are checked in the database by the whole server, with the same answers', async () => {
      const user = await app.signUp();
      const { isComplete } = app.deps.revocations;
      app.deps.revocations.isComplete = () => false;
      try {
        app.statements.length = 0;
        expect(await welcome(user)).toBe(200);
        expect(app.statements).toHaveLength(1);
        await db.$executeRaw`UPDATE session SET ended_at = clock_timestamp() WHERE id = ${user.sessionId}::uuid`;
        expect(await welcome(user)).toBe('session_revoked');
      } finally {
        app.deps.revocations.isComplete = isComplete;
      }
    });

    it('fit again once enough have expired and a sweep has run', async () => {
      await db.revocation.deleteMany();
      const revocations = createRevocations(db, 3);
      await revocations.load();
      expect(revocations.isComplete()).toBe(true);
      revocations.add(Array.from({ length: 4 }, () => ended()));
      expect(revocations.isComplete()).toBe(false);
      await revocations.sweep();
      expect(revocations.isComplete()).toBe(true);
    });

    it('count once, however often they are loaded', async () => {
      await db.revocation.deleteMany();
      await db.revocation.createMany({ data: Array.from({ length: 3 }, () => ended()) });
      const revocations = createRevocations(db, 4);
      for (let time = 0; time < 3; time++) await revocations.load();
      expect([revocations.isComplete(), revocations.size()]).toEqual([true, 3]);
    });

    it('are not lost by a load that was running when the memory overflowed', async () => {
      await db.revocation.deleteMany();
      const revocations = createRevocations(db, 3);
      await revocations.load();
      const loading = revocations.load();
      revocations.add(Array.from({ length: 4 }, () => ended()));
      await loading;
      expect(revocations.isComplete()).toBe(false);
    });

    it('are not loaded in part: with too many rows the memory stays as it was, and incomplete', async () => {
      await db.revocation.deleteMany();
      await db.revocation.createMany({ data: Array.from({ length: 10 }, () => ended()) });
      const revocations = createRevocations(db, 5);
      await revocations.load();
      expect([revocations.isComplete(), revocations.size()]).toEqual([false, 0]);
      await db.revocation.deleteMany();
    });
  });

  it('are removed from memory once no live token needs them, plus a minute for other clocks', async () => {
    const revocations = createRevocations(db);
    await revocations.load();
    const before = revocations.size();
    const soon = ended(new Date(Date.now() - 30_000));
    revocations.add([ended(longAgo), soon, ended()]);
    await revocations.sweep();
    expect(revocations.size()).toBe(before + 2);
    expect(revocations.checkMemory({ sid: soon.sessionId, sub: soon.userId, ver: 0 } as AccessClaims)).toBe(
      'session_revoked',
    );
  });

  it('let no token pass if the database must be checked and does not answer', async () => {
    const own = await startAppForTest();
    const user = await own.signUp();
    own.deps.revocations.isComplete = () => false;
    own.deps.revocations.checkDatabase = async () => {
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'P1001' });
    };
    const { status } = await own.http.get('/welcome').set(user.bearer);
    expect(status).toBeGreaterThanOrEqual(500);
  });
});
