import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createServiceUser } from '../../src/admin/create-service-user.js';
import { ensureFirstAdmin } from '../../src/admin/first-admin.js';
import { changeUser } from '../../src/admin/user-changes.js';
import { goodPassword, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { lendDatabase } from '../support/lent-databases.js';
import type { TestDatabase } from '../support/test-database.js';

const firstAdmin = { username: 'First.Admin', password: goodPassword };
const settings = { ADMIN_USERNAME: firstAdmin.username, ADMIN_PASSWORD: firstAdmin.password };

describe('the first admin', () => {
  let database: TestDatabase;
  let running: TestApp | undefined;
  beforeEach(async () => {
    database = await lendDatabase();
  });
  afterEach(async () => {
    await running?.stop();
    running = undefined;
    await database.drop();
  });

  const start = async (environment: Record<string, string> = {}) => {
    await running?.stop();
    running = undefined;
    running = await startApp(environment, { database });
    return running;
  };
  const logIn = (app: TestApp, username = firstAdmin.username, password = firstAdmin.password) =>
    app.http.post('/auth/login').send({ username, password });
  const admins = (app: TestApp) => app.deps.db.user.findMany({ where: { roles: { has: 'admin' } } });
  const ensure = (app: TestApp, admin = firstAdmin) =>
    ensureFirstAdmin({ ...app.deps, config: { ...app.config, firstAdmin: admin } });

  it('is created at the start, can log in and use the admin routes, and is in the audit', async () => {
    const app = await start(settings);
    const { status, body } = await logIn(app);
    expect([status, body.user.roles]).toEqual([200, ['admin']]);
    const listed = await app.http.get('/admin/users').set('Authorization', `Bearer ${body.access_token}`);
    expect(listed.body.data).toHaveLength(1);
    const event = await app.deps.db.auditEvent.findFirstOrThrow({ where: { action: 'user.created' } });
    expect(event).toMatchObject({ userId: body.user.id, actorId: null, ip: null });
    expect(JSON.stringify(app.logs)).not.toContain(goodPassword);
  });

  it('is not created without the settings', async () => {
    expect(await admins(await start())).toEqual([]);
  });

  it('is created once: a later start with other settings changes nothing', async () => {
    const first = await admins(await start(settings));
    expect(await admins(await start(settings))).toEqual(first);
    const app = await start({ ADMIN_USERNAME: 'Second.Admin', ADMIN_PASSWORD: 'another good passphrase' });
    expect(await admins(app)).toEqual(first);
    expect(await admins(await start({ ...settings, ADMIN_PASSWORD: 'another good passphrase' }))).toEqual(first);
  });

  it('is the existing user with that name (in any case) if the password is the same', async () => {
    let app = await start();
    const user = await app.signUp({ username: 'first.admin', email: 'first@example.com' });
    const before = await app.deps.db.user.findUniqueOrThrow({ where: { id: user.userId } });
    app = await start(settings);
    const after = await app.deps.db.user.findUniqueOrThrow({ where: { id: user.userId } });
    expect([after.roles, after.version, after.passwordHash]).toEqual([['admin'], 1, before.passwordHash]);
    expect((await app.http.get('/welcome').set(user.bearer)).body.code).toBe('token_stale');
  });

  it('is not an existing user with another password: the start fails, says so, and changes nothing', async () => {
    let app = await start();
    const user = await app.signUp({ username: 'first.admin', password: 'a passphrase of my own' });
    const before = await app.deps.db.user.findUniqueOrThrow({ where: { id: user.userId } });
    await expect(start(settings)).rejects.toThrow(/^ADMIN_PASSWORD is not the password of the user in ADMIN_USERNAME/);
    await expect(start(settings)).rejects.not.toThrow(goodPassword);
    app = await start();
    expect(await app.deps.db.user.findUniqueOrThrow({ where: { id: user.userId } })).toEqual(before);
  });

  it('is not a disabled user', async () => {
    const app = await start();
    const user = await app.signUp({ username: 'first.admin' });
    await changeUser(app.deps, user.userId, { disabled: true }, {}, 'all');
    await expect(start(settings)).rejects.toThrow(/^ADMIN_USERNAME names a disabled user/);
  });

  it('is not a service user', async () => {
    const app = await start();
    await createServiceUser(app.deps, { username: 'first.admin', roles: ['admin'] }, {}, 'all');
    await expect(start(settings)).rejects.toThrow(/^ADMIN_USERNAME names a service user, which cannot log in/);
    const other = await start({ ...settings, ADMIN_USERNAME: 'a-person' });
    expect((await admins(other)).map(({ kind }) => kind).sort()).toEqual(['person', 'service']);
  });

  it('is not a sign-up that waits for its e-mail', async () => {
    const app = await start({ SIGNUP: 'verified' });
    await app.http
      .post('/auth/signup')
      .send({ ...firstAdmin, email: 'first@example.com' })
      .expect(201);
    await expect(start(settings)).rejects.toThrow(/^ADMIN_USERNAME names a sign-up without a confirmed e-mail/);
    expect(await admins(await start())).toEqual([]);
  });

  it.each(['short', 'passwordpassword', 'first.admin-first', 'gatelatch-gatelatch'])(
    'is not created with a password like %j',
    async (password) => {
      await expect(start({ ...settings, ADMIN_PASSWORD: password })).rejects.toThrow(/^ADMIN_PASSWORD is too weak/);
      expect(await admins(await start())).toEqual([]);
    },
  );

  it('is created once if many instances start at once', async () => {
    const app = await start();
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 8 }, () => ensure(app)));
      expect(await admins(app)).toHaveLength(1);
      expect(await app.deps.db.auditEvent.count({ where: { action: 'user.created' } })).toBe(1);
      await app.deps.db.user.deleteMany();
      await app.deps.db.auditEvent.deleteMany();
    }
  });

  it('is created once even if the instances name different users', async () => {
    const app = await start();
    await Promise.all(Array.from({ length: 8 }, (_, n) => ensure(app, { ...firstAdmin, username: `first-${n}` })));
    expect(await admins(app)).toHaveLength(1);
  });

  it('is the user with that name and password, even if a sign-up comes in between', async () => {
    const app = await start();
    const signUp = () => app.http.post('/auth/signup').send(firstAdmin);
    const [, answer] = await Promise.all([ensure(app), signUp()]);
    expect([201, 409]).toContain(answer.status);
    expect((await admins(app)).map(({ usernameKey }) => usernameKey)).toEqual(['first.admin']);
  });
});

describe('the settings of the first admin', () => {
  it.each([
    [{ ADMIN_USERNAME: 'admin-user' }, /together/],
    [{ ADMIN_PASSWORD: goodPassword }, /together/],
    [{ ADMIN_USERNAME: 'no', ADMIN_PASSWORD: goodPassword }, /^ADMIN_USERNAME must be 3 to 32/],
    [{ AUDIT_RETENTION: 'long' }, /^AUDIT_RETENTION must be/],
  ])('are refused with a message: %j', async (environment, message) => {
    await expect(startAppForTest(environment as Record<string, string>)).rejects.toThrow(message);
  });
});
