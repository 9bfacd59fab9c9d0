import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPassword } from '../../src/log-in/check-password.js';
import { findByLogin } from '../../src/users/users.js';
import { goodPassword, startApp, type TestApp } from '../support/app.js';
import { outboxEmpty } from '../support/mails.js';

describe('users', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  const check = (login: string, password = goodPassword) =>
    checkPassword(app.deps, login, password, { address: '192.0.2.1', userAgent: undefined });

  it('are found by username or e-mail, in any case, by one statement', async () => {
    const { userId } = await app.signUp({ username: 'Find.Me', email: 'Find.Me@Example.com' });
    // What sending the mail asks is not counted.
    await outboxEmpty(app);
    app.statements.length = 0;
    for (const login of ['Find.Me', 'find.me', 'FIND.ME', 'find.me@example.com', 'FIND.ME@EXAMPLE.COM'])
      expect((await findByLogin(app.deps, login))?.id).toBe(userId);
    expect(app.statements).toHaveLength(5);
  });

  it('are not found by text that can be nobody’s name, and the database is not asked', async () => {
    await app.signUp({ username: 'kate' });
    app.statements.length = 0;
    for (const login of [
      '\u212Aate',
      '\uFF4Bate',
      'kate\0',
      'ka te',
      ' kate',
      'kate\n',
      '',
      'k'.repeat(255),
      'k\u0131te',
    ])
      expect(await findByLogin(app.deps, login), JSON.stringify(login)).toBeNull();
    expect(app.statements).toEqual([]);
  });

  it('without an e-mail are not found by its absence (trap 0.7)', async () => {
    await app.signUp();
    for (const login of ['@', 'null', 'null@', 'undefined']) expect(await findByLogin(app.deps, login)).toBeNull();
  });

  it('pass with the right password, and with nothing else', async () => {
    const { username, userId } = await app.signUp();
    expect((await check(username))?.user.id).toBe(userId);
    expect(await check(username, 'wrong')).toBeUndefined();
    expect(await check('nobody.there')).toBeUndefined();
  });

  it('keep their hash where it is as dear as it should be, and where the password is wrong', async () => {
    const { username, userId } = await app.signUp();
    const hash = async () => (await app.deps.db.user.findUniqueOrThrow({ where: { id: userId } })).passwordHash;
    const before = await hash();
    await check(username);
    await check(username, 'wrong');
    expect(await hash()).toBe(before);
  });

  it('hash their passwords with a salt of their own', async () => {
    const [one, other] = [await app.signUp(), await app.signUp()];
    const hashes = await app.deps.db.user.findMany({ where: { id: { in: [one.userId, other.userId] } } });
    expect(new Set(hashes.map(({ passwordHash }) => passwordHash.split('$')[4])).size).toBe(2);
  });
});
