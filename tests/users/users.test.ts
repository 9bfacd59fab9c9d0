import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPassword } from '../../src/log-in/guard.js';
import { findById, findByLogin } from '../../src/users/users.js';
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

  it('are found by username or e-mail, in any case, in one statement', async () => {
    const { userId } = await app.signUp({ username: 'Find.Me', email: 'Find.Me@Example.com' });
    // Statements that send the mail do not count.
    await outboxEmpty(app);
    app.statements.length = 0;
    for (const login of ['Find.Me', 'find.me', 'FIND.ME', 'find.me@example.com', 'FIND.ME@EXAMPLE.COM'])
      expect((await findByLogin(app.deps, login))?.id).toBe(userId);
    expect(app.statements).toHaveLength(5);
  });

  it('looked up by id at one moment share a statement, and each asker gets its own answer', async () => {
    const [ada, bob] = [await app.signUp(), await app.signUp()];
    await outboxEmpty(app);
    app.statements.length = 0;
    const asked = [ada.userId, randomUUID(), bob.userId, ada.userId.toUpperCase()];
    const found = await Promise.all(asked.map((id) => findById(app.deps, id)));
    expect(found.map((user) => user?.username)).toEqual([ada.username, undefined, bob.username, ada.username]);
    expect(app.statements).toHaveLength(1);
    await app.deps.db.user.delete({ where: { id: bob.userId } });
    expect(await findById(app.deps, bob.userId)).toBeNull();
  });

  it('are not found by text that cannot be a name, and no query is sent', async () => {
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

  it('without an e-mail are not found by names like "null" or "@"', async () => {
    await app.signUp();
    for (const login of ['@', 'null', 'null@', 'undefined']) expect(await findByLogin(app.deps, login)).toBeNull();
  });

  it('are accepted with the right password only', async () => {
    const { username, userId } = await app.signUp();
    expect((await check(username))?.user.id).toBe(userId);
    expect(await check(username, 'wrong')).toBeUndefined();
    expect(await check('nobody.there')).toBeUndefined();
  });

  it('keep their hash if its cost is up to date, and if the password is wrong', async () => {
    const { username, userId } = await app.signUp();
    const hash = async () => (await app.deps.db.user.findUniqueOrThrow({ where: { id: userId } })).passwordHash;
    const before = await hash();
    await check(username);
    await check(username, 'wrong');
    expect(await hash()).toBe(before);
  });

  it('with the same password have hashes with different salts', async () => {
    const [one, other] = [await app.signUp(), await app.signUp()];
    const hashes = await app.deps.db.user.findMany({ where: { id: { in: [one.userId, other.userId] } } });
    expect(new Set(hashes.map(({ passwordHash }) => passwordHash?.split('$')[4])).size).toBe(2);
  });
});
