import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { lendDatabase } from '../support/lent-databases.js';

const newPassword = 'a wholly different battery staple';

type Bearer = Pick<SignedUp, 'bearer'>;

describe('changing the password', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  const change = ({ bearer }: Bearer, fields: Record<string, unknown> = {}, on = app) =>
    on.http
      .post('/me/password')
      .set(bearer)
      .send({ current_password: goodPassword, new_password: newPassword, ...fields });
  const logIn = async ({ username }: SignedUp, password = goodPassword, on = app) => {
    const { status, body } = await on.http.post('/auth/login').send({ username, password });
    return { status, refreshToken: body.refresh_token, bearer: { Authorization: `Bearer ${body.access_token}` } };
  };
  const welcome = async ({ bearer }: Bearer, on = app) => {
    const { status, body } = await on.http.get('/welcome').set(bearer);
    return body.code ?? status;
  };
  const hashOf = async ({ userId }: SignedUp, on = app) =>
    (await on.deps.db.user.findUniqueOrThrow({ where: { id: userId } })).passwordHash;

  it('answers 204, and afterwards only the new password works (ASVS 6.2.2)', async () => {
    const user = await app.signUp();
    const { status, text } = await change(user);
    expect([status, text]).toEqual([204, '']);
    expect((await logIn(user)).status).toBe(401);
    expect((await logIn(user, newPassword)).status).toBe(200);
  });

  it('ends every other session at once, and the current one goes on (ASVS 7.4.3)', async () => {
    const user = await app.signUp();
    const others = [await logIn(user), await logIn(user)];
    const bystander = await app.signUp();
    expect((await change(user)).status).toBe(204);
    for (const other of others) {
      expect(await welcome(other)).toBe('session_revoked');
      const refreshed = await app.http.post('/auth/refresh').send({ refresh_token: other.refreshToken });
      expect(refreshed.body.code).toBe('session_revoked');
    }
    for (const one of [user, bystander]) {
      expect(await welcome(one)).toBe(200);
      expect((await app.http.post('/auth/refresh').send({ refresh_token: one.refreshToken })).status).toBe(200);
    }
  });

  it.each([
    ['a wrong one', 'not the password of anybody'],
    ['the new one', newPassword],
    ['a cut one', goodPassword.slice(0, -1)],
  ])('needs the current password: %s gets 401, and changes and ends nothing (ASVS 6.2.3)', async (_what, current) => {
    const user = await app.signUp();
    const other = await logIn(user);
    const before = await hashOf(user);
    const { status, body } = await change(user, { current_password: current });
    expect([status, body.code]).toEqual([401, 'invalid_credentials']);
    expect(await hashOf(user)).toBe(before);
    expect(await welcome(other)).toBe(200);
  });

  it.each([
    ['too short', 'short'],
    ['too long', 'x1 y2 z3 '.repeat(20)],
    ['common', 'passwordpassword'],
    ['made of the username', 'weak-password-user1'],
  ])(
    'checks the new password against the policy: one that is %s gets 422 at new_password (ASVS 6.2.4)',
    async (_what, password) => {
      const user = await app.signUp({ username: `weak-password-user${Math.floor(Math.random() * 1e9)}` });
      app.secrets.exempt(user.username);
      const { status, body } = await change(user, {
        new_password: password.startsWith('weak') ? user.username : password,
      });
      expect([status, body.code, body.errors?.map(({ path }: { path: string }) => path)]).toEqual([
        422,
        'validation_failed',
        ['new_password'],
      ]);
      expect((await logIn(user)).status).toBe(200);
    },
  );

  it.each([
    { current_password: undefined },
    { new_password: undefined },
    { new_password: 7 },
    { password: newPassword },
  ])('accepts only its two fields: %j gets 422', async (fields) => {
    const user = await app.signUp();
    expect((await change(user, fields)).body.code).toBe('validation_failed');
  });

  it('needs an access token, and with cookies an allowed origin', async () => {
    expect((await change({ bearer: { Authorization: '' } })).body.code).toBe('unauthenticated');
    const user = await app.signUp();
    const { body } = await app.http
      .post('/me/password')
      .set('Cookie', `access_token=${user.accessToken}`)
      .set('Origin', 'https://evil.example')
      .send({ current_password: goodPassword, new_password: newPassword });
    expect(body.code).toBe('csrf_rejected');
  });

  it('from two sessions at once succeeds for one, and only that session goes on (20 rounds)', async () => {
    for (let round = 0; round < 20; round++) {
      const user = await app.signUp();
      const phone = await logIn(user);
      const attempts = [
        { by: user, password: 'the first of two new passwords' },
        { by: phone, password: 'the second of two new passwords' },
      ];
      const answers = await Promise.all(attempts.map(({ by, password }) => change(by, { new_password: password })));
      expect(answers.map(({ status }) => status).sort()).toEqual([204, 401]);
      for (const [index, { by, password }] of attempts.entries()) {
        const won = answers[index]?.status === 204;
        expect((await logIn(user, password)).status).toBe(won ? 200 : 401);
        expect(await welcome(by)).toBe(won ? 200 : 'session_revoked');
      }
    }
  });

  it('fails no refresh of the session that goes on, at whatever moment it comes (10 rounds)', async () => {
    for (let round = 0; round < 10; round++) {
      const user = await app.signUp();
      let refreshToken = user.refreshToken;
      let isOver = false;
      const refreshing = async () => {
        while (!isOver) {
          const { status, body } = await app.http.post('/auth/refresh').send({ refresh_token: refreshToken });
          expect(status, body.code).toBe(200);
          refreshToken = body.refresh_token;
        }
      };
      const changing = change(user).then(({ status }) => {
        isOver = true;
        expect(status).toBe(204);
      });
      await Promise.all([changing, refreshing()]);
    }
  });

  it('to the same password is a change too: other sessions end', async () => {
    const user = await app.signUp();
    const other = await logIn(user);
    const before = await hashOf(user);
    expect((await change(user, { new_password: goodPassword })).status).toBe(204);
    expect(await hashOf(user)).not.toBe(before);
    expect(await welcome(other)).toBe('session_revoked');
  });

  it('works for a user whose hash is of an older cost, and hashes at the cost of today (E-L6)', async () => {
    const database = await lendDatabase();
    try {
      const before = await startApp({}, { database });
      const user = await before.signUp();
      await before.stop();
      const dearer = await startAppForTest({ PASSWORD_HASH: 'm=2048,t=1,p=1' }, { database });
      expect((await change(user, {}, dearer)).status).toBe(204);
      expect(await hashOf(user, dearer)).toContain('m=2048');
      expect((await logIn(user, newPassword, dearer)).status).toBe(200);
      expect(await welcome(user, dearer)).toBe(200);
      await dearer.stop();
    } finally {
      await database.drop();
    }
  });

  it('is in the audit with the ended sessions, and without the passwords', async () => {
    const user = await app.signUp();
    await logIn(user);
    await change(user);
    const events = await app.deps.db.auditEvent.findMany({ where: { userId: user.userId }, orderBy: { id: 'asc' } });
    expect(events.map(({ action, actorId }) => [action, actorId])).toEqual([
      ['user.created', user.userId],
      ['login.succeeded', user.userId],
      ['password.changed', user.userId],
      ['session.ended', user.userId],
    ]);
    expect(JSON.stringify(events)).not.toContain('battery staple');
  });
});
