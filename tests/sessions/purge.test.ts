import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import type { Db } from '../../src/platform/db/database.js';
import { purgeSessions } from '../../src/sessions/purge.js';
import { type SignedUp, startApp, type TestApp } from '../support/app.js';

describe('the purge', () => {
  let app: TestApp;
  let db: Db;
  let user: SignedUp;
  beforeAll(async () => {
    app = await startApp();
    db = app.deps.db;
  });
  afterAll(() => app.stop());
  beforeEach(async () => {
    await db.$executeRaw`TRUNCATE session, revocation`;
    user = await app.signUp();
  });

  /** Inserts sessions with these times, in days ago. */
  async function sessions(times: { ended?: number; rotated: number; created: number; access: number }, count = 1) {
    const ago = (days: number | undefined) =>
      days === undefined
        ? Prisma.sql`NULL::timestamptz`
        : Prisma.sql`clock_timestamp() - make_interval(secs => ${days * 86_400})`;
    await db.$executeRaw`
      INSERT INTO session (id, user_id, nonce_hash, access_expires_at, ended_at, rotated_at, created_at)
      SELECT gen_random_uuid(), ${user.userId}::uuid, '\\x00', ${ago(times.access)}, ${ago(times.ended)},
        ${ago(times.rotated)}, ${ago(times.created)} FROM generate_series(1, ${count}::int)`;
  }
  const revocations = (hoursAgo: number, count = 1) => db.$executeRaw`
    INSERT INTO revocation (user_id, session_id, keep_until)
    SELECT ${user.userId}::uuid, gen_random_uuid(), clock_timestamp() - make_interval(secs => ${hoursAgo * 3600})
    FROM generate_series(1, ${count}::int)`;

  it.each([
    ['ended more than a week ago', { ended: 7.1, rotated: 8, created: 8, access: 8 }],
    ['went idle more than a week ago', { rotated: 37.1, created: 60, access: 37 }],
    ['grew too old more than a week ago', { rotated: 20, created: 97.1, access: 20 }],
  ])('removes sessions that %s', async (_what, times) => {
    await sessions(times);
    expect(await purgeSessions(app.deps)).toEqual({ sessions: 1, revocations: 0 });
    expect((await db.session.findMany()).map(({ id }) => id)).toEqual([user.sessionId]);
  });

  it.each([
    ['are live', { rotated: 1, created: 60, access: 1 }],
    [
      'ended less than a week ago, so their tokens still get session_revoked',
      { ended: 6.9, rotated: 8, created: 8, access: 8 },
    ],
    ['went idle less than a week ago', { rotated: 36.9, created: 60, access: 36 }],
    ['grew too old less than a week ago', { rotated: 20, created: 96.9, access: 20 }],
    ['still have a live access token', { ended: 8, rotated: 8, created: 8, access: -0.01 }],
    ['had a live access token a moment ago (clocks may differ)', { ended: 8, rotated: 8, created: 8, access: 0.003 }],
  ])('keeps sessions that %s', async (_what, times) => {
    await sessions(times);
    expect(await purgeSessions(app.deps)).toEqual({ sessions: 0, revocations: 0 });
    expect(await db.session.count()).toBe(2);
  });

  it('removes revocations that no live token needs, and keeps the others', async () => {
    await revocations(1);
    await revocations(-1);
    await revocations(0.1);
    expect(await purgeSessions(app.deps)).toEqual({ sessions: 0, revocations: 1 });
    expect(await db.revocation.count()).toBe(2);
  });

  it('works in batches of a thousand, so that its locks are short', { timeout: 60_000 }, async () => {
    await sessions({ ended: 8, rotated: 8, created: 8, access: 8 }, 2_500);
    await revocations(1, 1_200);
    app.statements.length = 0;
    expect(await purgeSessions(app.deps)).toEqual({ sessions: 2_500, revocations: 1_200 });
    expect(app.statements.filter((sql) => sql.includes('DELETE FROM session')).length).toBe(3);
    expect(app.statements.filter((sql) => sql.includes('DELETE FROM revocation')).length).toBe(2);
    expect(await db.session.count()).toBe(1);
  });

  it('is not needed for safety: expired sessions that are still stored are refused too', async () => {
    await db.$executeRaw`UPDATE session SET rotated_at = rotated_at - interval '40 days',
      access_expires_at = access_expires_at - interval '40 days'`;
    const refreshed = () => app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
    expect((await refreshed()).body.code).toBe('invalid_refresh_token');
    expect(await purgeSessions(app.deps)).toEqual({ sessions: 1, revocations: 0 });
    expect((await refreshed()).body.code).toBe('invalid_refresh_token');
  });

  it('makes the token of a removed session unknown, which does not count as token theft', async () => {
    await app.http.post('/auth/logout').set(user.bearer).expect(204);
    await db.$executeRaw`UPDATE session SET ended_at = ended_at - interval '8 days', rotated_at = rotated_at - interval '8 days', access_expires_at = access_expires_at - interval '8 days'`;
    await purgeSessions(app.deps);
    const { body } = await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
    expect(body.code).toBe('invalid_refresh_token');
    // Its revocation stays for the access token that has not expired.
    expect((await app.http.get('/welcome').set(user.bearer)).body.code).toBe('session_revoked');
    expect(await db.revocation.count({ where: { sessionId: user.sessionId } })).toBe(1);
  });

  it('removes revocations of users that no longer exist', async () => {
    await db.revocation.create({ data: { userId: randomUUID(), sessionId: randomUUID(), keepUntil: new Date(0) } });
    expect(await purgeSessions(app.deps)).toEqual({ sessions: 0, revocations: 1 });
  });
});
