import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.js';
import { outboxEmpty } from '../support/mails.js';

describe('GET /me', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  const me = (headers: Record<string, string>) => app.http.get('/me').set(headers);

  it('shows exactly the fields of the contract (ASVS 15.3.1)', async () => {
    const user = await app.signUp({ username: 'Me.Myself', email: 'Me@Example.com' });
    const { status, body, text, headers } = await me(user.bearer);
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'cache-control': 'no-store' });
    expect(headers).not.toHaveProperty('etag');
    expect(body).toEqual({
      id: user.userId,
      kind: 'person',
      username: 'Me.Myself',
      email: 'Me@Example.com',
      email_verified: false,
      roles: [],
      created_at: expect.stringMatching(/Z$/),
      updated_at: expect.stringMatching(/Z$/),
    });
    expect(text).not.toMatch(/argon2|hash/i);
  });

  it('takes one statement', async () => {
    const user = await app.signUp();
    // Statements that send mails of earlier tests do not count.
    await outboxEmpty(app);
    app.statements.length = 0;
    await me(user.bearer);
    expect(app.statements).toHaveLength(1);
  });

  it('shows roles, e-mail and its verification as they are in the database now', async () => {
    const user = await app.signUp();
    await app.deps.db.$executeRaw`
      UPDATE "user" SET roles = '{editor}', email = 'new@example.com', email_verified_at = now() WHERE id = ${user.userId}::uuid`;
    expect((await me(user.bearer)).body).toMatchObject({
      roles: ['editor'],
      email: 'new@example.com',
      email_verified: true,
    });
  });

  it('shows the user of the token, with 40 users at the same moment', async () => {
    const users = await Promise.all(Array.from({ length: 40 }, () => app.signUp()));
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all(users.map((user) => me(user.bearer)));
      expect(answers.map(({ body }) => body.username)).toEqual(users.map((user) => user.username));
    }
  });

  it('shows the user of the token and ignores other ids in the request', async () => {
    const [user, other] = [await app.signUp(), await app.signUp()];
    const answer = await app.http
      .get('/me')
      .query({ id: other.userId, userId: other.userId, sub: other.userId })
      .set({ ...user.bearer, 'X-User-Id': other.userId });
    expect(answer.body.id).toBe(user.userId);
  });

  it('is refused at once after the user was deleted', async () => {
    const user = await app.signUp();
    await app.deps.db.user.delete({ where: { id: user.userId } });
    const { status, body } = await me(user.bearer);
    expect([status, body.code]).toEqual([401, 'session_revoked']);
  });

  it('refuses the token of a deleted user, even if a new user has the same name (ASVS 10.3.3)', async () => {
    const before = await app.signUp({ username: 'phoenix' });
    await app.deps.db.user.delete({ where: { id: before.userId } });
    const after = await app.signUp({ username: 'phoenix' });
    expect(after.userId).not.toBe(before.userId);
    expect((await me(before.bearer)).status).toBe(401);
    expect((await me(after.bearer)).body.id).toBe(after.userId);
  });
});
