import { afterAll, beforeAll, expect, it } from 'vitest';
import { keepToken, newToken } from '../../src/email/one-time-tokens.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { goodPassword, startApp, type TestApp } from '../support/app.js';
import { outboxEmpty } from '../support/mails.js';
import { createServerDatabase, type TestDatabase } from '../support/test-database.js';

// Two instances on one database, so that no instance can decide from its memory.
let database: TestDatabase;
let one: TestApp;
let two: TestApp;
beforeAll(async () => {
  database = await createServerDatabase();
  [one, two] = await Promise.all([
    startApp({ RATE_LIMIT: 'off' }, { databaseUrl: database.url }),
    startApp({ RATE_LIMIT: 'off' }, { databaseUrl: database.url }),
  ]);
});
afterAll(async () => {
  await Promise.all([one.stop(), two.stop()]);
  await database.drop();
});

/** Makes a token as the worker does when it sends the mail. */
async function tokenFor(userId: string, purpose: 'verify' | 'reset'): Promise<string> {
  const made = newToken();
  const from = Prisma.sql`FROM (SELECT *, email_key AS to_key FROM "user" WHERE id = ${userId}::uuid) u`;
  await one.deps.db.$executeRaw(keepToken(purpose, made, from));
  return made.token;
}

const newPassword = 'a wholly new passphrase';
const liveSessions = (userId: string) => one.deps.db.session.count({ where: { userId, endedAt: null } });

it('a reset leaves no older session alive during logins and refreshes on another instance (200 rounds)', async () => {
  const user = await one.signUp({ username: 'racer', email: 'racer@example.com' });
  let password = goodPassword;
  let refreshToken = user.refreshToken;
  const won = { login: 0, refresh: 0 };
  for (let round = 0; round < 200; round++) {
    const token = await tokenFor(user.userId, 'reset');
    const next = `${newPassword} ${round}`;
    const [reset, login, refresh] = await Promise.all([
      one.http.post('/auth/password/reset').send({ token, password: next }),
      two.http.post('/auth/login').send({ username: 'racer', password }),
      two.http.post('/auth/refresh').send({ refresh_token: refreshToken }),
    ]);
    expect(reset.status).toBe(204);
    expect([200, 401]).toContain(login.status);
    expect([200, 401]).toContain(refresh.status);
    won.login += Number(login.status === 200);
    won.refresh += Number(refresh.status === 200);
    expect(await liveSessions(user.userId), `round ${round}`).toBe(0);
    for (const { body, status } of [login, refresh])
      if (status === 200)
        expect((await two.http.post('/auth/refresh').send({ refresh_token: body.refresh_token })).status).toBe(401);
    password = next;
    const again = await two.http.post('/auth/login').send({ username: 'racer', password });
    expect(again.status).toBe(200);
    refreshToken = again.body.refresh_token;
  }
  // Without this there was no race.
  expect(won.refresh).toBeGreaterThan(0);
}, 200_000);

it('a token works once for 20 requests at once on two instances, and none of them fails', async () => {
  for (const purpose of ['reset', 'verify'] as const) {
    const email = `${purpose}@example.com`;
    const user = await one.signUp({ username: `spent-${purpose}`, email });
    // Otherwise the mail of the sign-up might come later, with a newer token.
    await outboxEmpty(one);
    const token = await tokenFor(user.userId, purpose);
    const [path, action] =
      purpose === 'reset' ? ['/auth/password/reset', 'password.reset'] : ['/auth/email/verify', 'email.verified'];
    const body = purpose === 'reset' ? { token, password: newPassword } : { token };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => (n % 2 ? one : two).http.post(path).send(body)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(19).fill(400)]);
    expect(await one.deps.db.auditEvent.count({ where: { userId: user.userId, action } })).toBe(1);
  }
});

it('a reset at the same moment as a change of password and a deletion causes no failure', async () => {
  for (let round = 0; round < 30; round++) {
    const user = await one.signUp({ username: `torn-${round}`, email: `torn-${round}@example.com` });
    const token = await tokenFor(user.userId, 'reset');
    const answers = await Promise.all([
      one.http.post('/auth/password/reset').send({ token, password: newPassword }),
      two.http
        .post('/me/password')
        .set(user.bearer)
        .send({ current_password: goodPassword, new_password: `other ${newPassword}` }),
      ...(round % 2 ? [two.http.delete('/me').set(user.bearer).send({ password: goodPassword })] : []),
    ]);
    for (const { status } of answers) expect([204, 400, 401]).toContain(status);
    expect(answers.some(({ status }) => status === 204)).toBe(true);
  }
}, 60_000);
