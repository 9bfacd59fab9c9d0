import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { cookieHeader, cookiesOf } from '../support/cookies.js';
import { lendDatabase } from '../support/lent-databases.js';
import { expectProblem } from '../support/problem.js';

const ownOrigin = 'http://localhost:3000';

describe('deleting one’s own user', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  const remove = ({ bearer }: Pick<SignedUp, 'bearer'>, body: object = { password: goodPassword }) =>
    app.http.delete('/me').set(bearer).send(body);
  const codes = async ({ bearer, refreshToken }: Pick<SignedUp, 'bearer' | 'refreshToken'>, on = app) => [
    (await on.http.get('/welcome').set(bearer)).body.code,
    (await on.http.get('/me').set(bearer)).body.code,
    (await on.http.post('/auth/refresh').send({ refresh_token: refreshToken })).status,
  ];

  it('answers 204 and refuses every token of the user at once', async () => {
    const user = await app.signUp();
    const { body } = await app.http.post('/auth/login').send({ username: user.username, password: goodPassword });
    const phone = { bearer: { Authorization: `Bearer ${body.access_token}` }, refreshToken: body.refresh_token };
    const other = await app.signUp();
    const { status, text } = await remove(user);
    expect([status, text]).toEqual([204, '']);
    for (const one of [user, phone]) expect(await codes(one)).toEqual(['session_revoked', 'session_revoked', 401]);
    expect(await codes(other)).toEqual([undefined, undefined, 200]);
    const login = await app.http.post('/auth/login').send({ username: user.username, password: goodPassword });
    expect(login.body.code).toBe('invalid_credentials');
  });

  it.each([
    ['if it is wrong', { password: 'not the password of anybody' }, 401, 'invalid_credentials'],
    ['if it is missing', {}, 422, 'validation_failed'],
    ['if it is empty', { password: '' }, 422, 'validation_failed'],
    ['next to an unknown field', { password: goodPassword, really: true }, 422, 'validation_failed'],
  ])('needs the right password alone: %s, nothing is deleted (ASVS 7.5.1)', async (_what, body, status, code) => {
    const user = await app.signUp();
    const answer = await remove(user, body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(await codes(user)).toEqual([undefined, undefined, 200]);
  });

  it('removes the sessions and todos of the user, and other users keep theirs', async () => {
    const [user, other] = [await app.signUp({ email: 'gone@example.com' }), await app.signUp()];
    for (const { bearer } of [user, other])
      await app.http.post('/todos').set(bearer).send({ title: 'Water the plants' }).expect(201);
    await remove(user).expect(204);
    const { db } = app.deps;
    const rowsOf = async ({ userId }: SignedUp) => [
      await db.user.count({ where: { id: userId } }),
      await db.session.count({ where: { userId } }),
      await db.todo.count({ where: { userId } }),
    ];
    expect(await rowsOf(user)).toEqual([0, 0, 0]);
    expect(await rowsOf(other)).toEqual([1, 1, 1]);
    // The audit keeps what was done to which id, without name or address.
    const stays = await db.auditEvent.findMany({ where: { userId: user.userId }, orderBy: { id: 'asc' } });
    expect(stays.map(({ action }) => action)).toEqual(['user.created', 'session.ended', 'user.deleted']);
    expect(JSON.stringify(stays)).not.toMatch(new RegExp(`${user.username}|gone@example`));
  });

  it('frees the name: who takes it is another user, and the old tokens stay refused, over a restart too (ASVS 10.3.3, D30)', async () => {
    const database = await lendDatabase();
    try {
      const before = await startApp({}, { database });
      const user = await before.signUp({ username: 'Taken.Again', email: 'again@example.com' });
      await before.http.delete('/me').set(user.bearer).send({ password: goodPassword }).expect(204);
      const next = await before.signUp({ username: 'taken.again', email: 'again@example.com' });
      expect(next.userId).not.toBe(user.userId);
      expect(await codes(user, before)).toEqual(['session_revoked', 'session_revoked', 401]);
      expect(await codes(next, before)).toEqual([undefined, undefined, 200]);
      await before.stop();
      const after = await startAppForTest({}, { database });
      expect(await codes(user, after)).toEqual(['session_revoked', 'session_revoked', 401]);
      expect((await after.http.get('/me').set(next.bearer)).body.id).toBe(next.userId);
      await after.stop();
    } finally {
      await database.drop();
    }
  });

  it('clears the cookies of a browser, and needs an allowed origin', async () => {
    const cookies = cookiesOf(
      await app.http
        .post('/auth/signup')
        .set('Origin', ownOrigin)
        .send({ username: 'leaving.browser', password: goodPassword, transport: 'cookie' }),
    );
    const byBrowser = (origin: string) =>
      app.http
        .delete('/me')
        .set('Origin', origin)
        .set('Cookie', cookieHeader(cookies))
        .send({ password: goodPassword });
    expect((await byBrowser('https://evil.example')).body.code).toBe('csrf_rejected');
    const answer = await byBrowser(ownOrigin);
    expect(answer.status).toBe(204);
    expect(Object.keys(cookiesOf(answer)).sort()).toEqual(['access_token', 'refresh_token']);
  });

  it.each([
    ['DELETE', {}],
    ['PATCH', { email: 'thief@example.com' }],
  ] as const)('%s /me by the password does nothing if the second factor goes on meanwhile', async (method, more) => {
    const user = await app.signUp();
    const { userId } = user;
    const { verify } = app.deps.passwords;
    vi.spyOn(app.deps.passwords, 'verify').mockImplementationOnce(async (...given) => {
      const isRight = await verify(...given);
      await app.deps.db.user.update({ where: { id: userId }, data: { secondFactor: 'any' } });
      return isRight;
    });
    const send = method === 'DELETE' ? app.http.delete('/me') : app.http.patch('/me');
    const answer = await send.set(user.bearer).send({ ...more, password: goodPassword });
    vi.restoreAllMocks();
    expectProblem(answer, 'invalid_credentials');
    const { deletedAt, pendingEmail } = await app.deps.db.user.findUniqueOrThrow({ where: { id: userId } });
    expect([deletedAt, pendingEmail]).toEqual([null, null]);
  });

  it('at ten times at once deletes once and records it once', async () => {
    const user = await app.signUp();
    const answers = await Promise.all(Array.from({ length: 10 }, () => remove(user)));
    expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    expect(answers.map(({ status }) => status)).toContain(204);
    expect(await app.deps.db.auditEvent.count({ where: { userId: user.userId, action: 'user.deleted' } })).toBe(1);
  });
});
