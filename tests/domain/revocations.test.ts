import { randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SignedUp, startApp, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

describe('revocations', () => {
  let database: TestDatabase;
  let app: TestApp;
  beforeEach(async () => {
    database = await createTestDatabase();
    app = await start();
  });
  afterEach(async () => {
    await app.stop();
    await database.drop();
  });

  const start = () => startApp({}, { databaseUrl: database.url });
  const restart = async () => {
    await app.stop();
    app = await start();
  };
  const open = async (user: { bearer: { Authorization: string } }) =>
    (await app.http.get('/welcome').set(user.bearer)).status;
  const end = (user: { sessionId: string; userId: string }, keepFor: string) => app.deps.db.$executeRaw`
    INSERT INTO revocation (user_id, session_id, keep_until)
    VALUES (${user.userId}::uuid, ${user.sessionId}::uuid, now() + ${keepFor}::interval)`;

  it('of many sessions are known after a restart, and those of nobody else', async () => {
    const users: SignedUp[] = [];
    for (let n = 0; n < 6; n += 1) users.push(await app.signUp());
    for (const [n, user] of users.entries()) if (n % 2) await app.http.post('/auth/logout').set(user.bearer);
    const statuses = async () => {
      const found: number[] = [];
      for (const user of users) found.push(await open(user));
      return found;
    };
    expect(await statuses()).toEqual([200, 401, 200, 401, 200, 401]);
    await restart();
    expect(await statuses()).toEqual([200, 401, 200, 401, 200, 401]);
  });

  it('are kept by what the session row said, without needing the session or the user', async () => {
    const [ended, other] = [await app.signUp(), await app.signUp()];
    await end(ended, '10 minutes');
    await end({ sessionId: randomUUID(), userId: randomUUID() }, '10 minutes');
    await restart();
    expect([await open(ended), await open(other)]).toEqual([401, 200]);
  });

  it('say until when they must be kept: the exp of the last access token', async () => {
    const user = await app.signUp();
    await app.http.post('/auth/logout').set(user.bearer);
    const { exp = 0 } = jwt.decode(user.accessToken) as jwt.JwtPayload;
    const [row] = await app.deps.db.revocation.findMany();
    expect(row).toMatchObject({ userId: user.userId, sessionId: user.sessionId, keepUntil: new Date(exp * 1000) });
  });

  it('cost a request nothing', async () => {
    const user = await app.signUp();
    await app.http.post('/auth/logout').set(user.bearer);
    app.statements.length = 0;
    expect(await open(user)).toBe(401);
    expect(app.statements).toEqual([]);
  });
});
