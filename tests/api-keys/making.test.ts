import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import { askForKey, createServiceUser, makeKey, makeServiceKey } from '../support/api-keys.js';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { createForger } from '../support/forged-tokens.js';
import { mailTo } from '../support/mails.js';
import { expectProblem } from '../support/problem.js';
import { withRole } from '../support/rows.js';
import { addTotp } from '../support/second-factor.js';

let app: TestApp;
let admin: SignedUp;
beforeAll(async () => {
  app = await startApp();
  admin = await withRole(app, await app.signUp(), 'admin');
});
afterAll(() => app.stop());

const days = (count: number) => count * 86_400;
const lifeOf = ({ created_at, expires_at }: Record<string, string>) =>
  Math.round((Date.parse(`${expires_at}`) - Date.parse(`${created_at}`)) / 1000);

describe('Making a key of your own', () => {
  it('gives the key once, with what it was made with; the list tells it by name and start', async () => {
    const user = await app.signUp();
    const fields = { name: 'Nightly backup', scopes: ['todos:write', 'todos:read', 'todos:read'] };
    const { body } = await askForKey(app, user, fields).expect(201);
    const { key, ...shown } = body;
    expect(key).toMatch(/^glk_[0-9A-Za-z]{71}$/);
    expect(shown).toMatchObject({
      name: 'Nightly backup',
      scopes: ['todos:read', 'todos:write'],
      created_by: user.userId,
      last_used_at: null,
    });
    expect(shown.start).toMatch(/^glk_[0-9A-Za-z]{4}$/);
    expect(lifeOf(shown)).toBe(days(90));
    const list = await app.http.get('/me/api-keys').set(user.bearer).expect(200);
    expect(list.body).toEqual({ data: [shown] });
    await app.http.get('/todos').set('Authorization', `Bearer ${key}`).expect(200);
  });

  it('takes the password, or a fresh sign-in with two factors in its place', async () => {
    const user = await app.signUp();
    const { bearer, ...others } = await addTotp(app, user);
    expectProblem(await askForKey(app, user), 'insufficient_user_authentication');
    expect(others.id).toBeDefined();
    await askForKey(app, { ...user, bearer }, { password: undefined }).expect(201);
  });

  it('without the password, or with a wrong one, makes none', async () => {
    const user = await app.signUp();
    expectProblem(await askForKey(app, user, { password: undefined }), 'validation_failed');
    expectProblem(await askForKey(app, user, { password: 'wrong password here' }), 'invalid_credentials');
    expect(await app.deps.db.apiKey.count({ where: { userId: user.userId } })).toBe(0);
  });

  it('never gives a permission that its maker lacks, and names the first one', async () => {
    const user = await app.signUp();
    const refused = await askForKey(app, user, { scopes: ['todos:read', 'users:read', 'audit:read'] });
    expectProblem(refused, 'forbidden');
    expect(refused.body.detail).toBe('You lack audit:read.');
    expect(refused.headers['www-authenticate']).toContain('scope="audit:read"');
  });

  it('counts what the roles give at this moment, not what the token was made with', async () => {
    const user = await withRole(app, await app.signUp(), 'admin');
    await app.deps.db.user.update({ where: { id: user.userId }, data: { roles: [] } });
    expectProblem(await askForKey(app, user, { scopes: ['users:read'] }), 'forbidden');
    await askForKey(app, user, { scopes: ['todos:read'] }).expect(201);
  });

  it.each([
    ['an unknown permission', { scopes: ['todos:read', 'todos:burn'] }],
    ['no permission', { scopes: [] }],
    ['more than 64 permissions', { scopes: Array(65).fill('todos:read') }],
    ['no name', { name: '' }],
    ['a name of 65 characters', { name: 'x'.repeat(65) }],
    ['a life of no time', { expires_in: 0 }],
    ['a life that is no whole number', { expires_in: 1.5 }],
    ['a life beyond API_KEY_MAX_AGE', { expires_in: days(365) + 1 }],
    ['no end where API_KEY_MAX_AGE is set', { expires_in: null }],
    ['a user_id', { user_id: '01890a5d-ac96-774b-bcce-b302099a8057' }],
  ])('with %s is refused', async (_, fields) => {
    expectProblem(await askForKey(app, admin, fields), 'validation_failed');
  });

  it('takes expires_in, in seconds', async () => {
    const user = await app.signUp();
    for (const seconds of [60, days(365)])
      expect(lifeOf((await askForKey(app, user, { expires_in: seconds }).expect(201)).body)).toBe(seconds);
  });

  it('is possible 50 times at once; ended keys do not count', async () => {
    const user = await app.signUp();
    const tried = await Promise.all(Array.from({ length: 55 }, () => askForKey(app, user)));
    const refused = tried.filter(({ status }) => status !== 201);
    expect(refused).toHaveLength(5);
    for (const answer of refused) expectProblem(answer, 'too_many_api_keys');
    await app.http.delete(`/me/api-keys/${tried.find(({ status }) => status === 201)?.body.id}`).set(user.bearer);
    await askForKey(app, user).expect(201);
    expectProblem(await askForKey(app, user), 'too_many_api_keys');
  });

  it('keeps the newest 1,000 keys that have ended: made by the second, they would hold up their ending', async () => {
    const user = await app.signUp();
    await app.deps.db.$executeRaw`
      INSERT INTO api_key (id, user_id, name, start, secret_hash, scopes, expires_at, revoked_at)
      SELECT gen_random_uuid(), ${user.userId}::uuid, '', '', '', '{}', clock_timestamp() - interval '1 hour',
        CASE n % 2 WHEN 0 THEN clock_timestamp() END
      FROM generate_series(1, 1050) n`;
    const live = await makeKey(app, user);
    await askForKey(app, user).expect(201);
    expect(await app.deps.db.apiKey.count({ where: { userId: user.userId } })).toBe(1002);
    await app.http.get('/todos').set(live.bearer).expect(200);
  });

  it('takes the password of now: the one of before makes none', async () => {
    const user = await app.signUp();
    const change = { current_password: user.password, new_password: 'another horse battery staple' };
    await app.http.post('/me/password').set(user.bearer).send(change).expect(204);
    expectProblem(await askForKey(app, user), 'invalid_credentials');
  });

  it('is recorded with its id and scopes, and with neither key nor name', async () => {
    const user = await app.signUp();
    const { id, key } = await makeKey(app, user, { name: 'A telling name' });
    const events = await app.deps.db.auditEvent.findMany({ where: { action: 'api_key.created', userId: user.userId } });
    expect(events.map(({ actorId, detail }) => ({ actorId, detail }))).toEqual([
      { actorId: user.userId, detail: { api_key_id: id, scopes: ['todos:read'] } },
    ]);
    const rows = JSON.stringify(
      await app.deps.db.$queryRaw`SELECT k::text, encode(secret_hash, 'base64') FROM api_key k`,
    );
    expect(rows).toContain('A telling name');
    expect(rows).not.toContain(key.slice(-49, -6));
    expect(JSON.stringify(app.logs)).not.toContain(key.slice(-49, -6));
  });

  it('is for sessions alone: no key makes, lists or ends keys', async () => {
    const { id, bearer } = await makeKey(app, admin, { scopes: ['service-users:write', 'users:read', 'users:write'] });
    expectProblem(await app.http.get('/me/api-keys').set(bearer), 'session_required');
    expectProblem(await askForKey(app, { ...admin, bearer }), 'session_required');
    expectProblem(await app.http.delete(`/me/api-keys/${id}`).set(bearer), 'session_required');
  });
});

describe('The settings say who makes keys:', () => {
  it('without expires_in a key is good no longer than API_KEY_MAX_AGE, also where API_KEY_TTL is more', async () => {
    const own = await startAppForTest({ API_KEY_MAX_AGE: '1d' });
    expect(lifeOf((await askForKey(own, await own.signUp()).expect(201)).body)).toBe(days(1));
  });

  it('with API_KEY_MAX_AGE=off keys may be without an end, and without expires_in they have API_KEY_TTL', async () => {
    const own = await startAppForTest({ API_KEY_MAX_AGE: 'off', API_KEY_TTL: '10d' });
    const user = await own.signUp();
    expect((await askForKey(own, user, { expires_in: null }).expect(201)).body.expires_at).toBeNull();
    expect(lifeOf((await askForKey(own, user).expect(201)).body)).toBe(days(10));
    const { bearer } = await makeKey(own, user, { expires_in: null });
    await own.http.get('/welcome').set(bearer).expect(200);
  });

  it('with API_KEYS=service persons make none', async () => {
    const own = await startAppForTest({ API_KEYS: 'service' });
    const refused = await askForKey(own, await own.signUp());
    expectProblem(refused, 'forbidden');
    expect(refused.body.detail).toContain('service users');
    const boss = await withRole(own, await own.signUp(), 'admin');
    const { bearer } = await makeServiceKey(own, boss, await createServiceUser(own, ['user']), ['todos:read']);
    await own.http.get('/todos').set(bearer).expect(200);
  });

  it('with API_KEYS=off nobody makes any, and none is taken', async () => {
    const own = await startAppForTest({ API_KEYS: 'off' });
    const boss = await withRole(own, await own.signUp(), 'admin');
    expectProblem(await askForKey(own, boss), 'forbidden');
    const { id } = await createServiceUser(own, ['user']);
    const made = own.http.post(`/admin/users/${id}/api-keys`).set(boss.bearer);
    expectProblem(await made.send({ name: 'x', scopes: ['todos:read'] }), 'forbidden');
  });

  it('ADMIN_ACR counts for keys that may more than everybody', async () => {
    const own = await startAppForTest({ ADMIN_ACR: 'aal2' });
    const boss = await withRole(own, await own.signUp(), 'admin');
    expectProblem(await askForKey(own, boss, { scopes: ['users:read'] }), 'insufficient_user_authentication');
    await askForKey(own, boss, { scopes: ['todos:read'] }).expect(201);
  });
});

describe('A new key', () => {
  it('is told to the verified address of who made it for themselves', async () => {
    const user = await app.signUp();
    const email = `${user.username}@example.com`;
    const verified = { email, emailKey: email, emailVerifiedAt: new Date() };
    await app.deps.db.user.update({ where: { id: user.userId }, data: verified });
    await makeKey(app, user);
    expect((await mailTo(app, email, /An API key was made/)).text).toContain('An API key was made for your account');
  });

  it.each(['', ' ', ' ', 'two\nlines', 'a\u202eb', 'a\u0007'])('can’t be called %j', async (name) => {
    expectProblem(await askForKey(app, await app.signUp(), { name }), 'validation_failed');
  });
});

describe('A key of a service user', () => {
  const everybodyHas = ['profile:read', 'todos:read', 'todos:write'];
  const make = (id: string, fields: object = {}, as = admin) =>
    app.http
      .post(`/admin/users/${id}/api-keys`)
      .set(as.bearer)
      .send({ name: 'Nightly backup', scopes: ['todos:read'], ...fields });

  it('takes a fresh sign-in of the session that makes it, so that an old stolen one becomes no key', async () => {
    const admin = await withRole(app, await app.signUp(), 'admin');
    const service = await createServiceUser(app, ['user']);
    const { own, header, claims } = createForger(app, admin);
    const now = Math.floor(Date.now() / 1000);
    const ask = (age: number) =>
      app.http
        .post(`/admin/users/${service.id}/api-keys`)
        .set('Authorization', `Bearer ${own(header, { ...claims, auth_time: now - age })}`)
        .send({ name: 'Nightly backup', scopes: ['todos:read'] });
    const refused = await ask(16 * 60);
    expectProblem(refused, 'insufficient_user_authentication');
    expect(refused.body.max_age).toBe(900);
    await ask(14 * 60).expect(201);
  });

  it('is made by who may, and works; its maker stands in created_by', async () => {
    const service = await createServiceUser(app, ['user']);
    const { body } = await make(service.id).expect(201);
    expect(body.created_by).toBe(admin.userId);
    await app.http.get('/todos').set('Authorization', `Bearer ${body.key}`).expect(200);
    const { key: _, ...shown } = body;
    const list = await app.http.get(`/admin/users/${service.id}/api-keys`).set(admin.bearer).expect(200);
    expect(list.body.data).toMatchObject([{ ...shown, last_used_at: list.body.data[0].last_used_at }]);
  });

  it('has nothing that the service user lacks', async () => {
    const { id } = await createServiceUser(app);
    const refused = await make(id);
    expectProblem(refused, 'validation_failed');
    expect(refused.body.errors[0]).toMatchObject({ path: 'scopes', message: expect.stringContaining('todos:read') });
  });

  it('has nothing that its maker lacks, be that a session or a key', async () => {
    const { id } = await createServiceUser(app, ['admin']);
    const { bearer } = await makeKey(app, admin, { scopes: ['service-users:write', 'todos:read'] });
    await make(id, {}, { ...admin, bearer }).expect(201);
    const refused = await make(id, { scopes: ['audit:read'] }, { ...admin, bearer });
    expectProblem(refused, 'forbidden');
    expect(refused.body.detail).toBe('You lack audit:read.');
  });

  it('is recorded by its own id when a key makes and ends it, and the other one beside it', async () => {
    const service = await createServiceUser(app, ['user']);
    const scopes = ['service-users:write', 'users:write', 'profile:read', 'todos:read', 'todos:write'];
    const by = await makeKey(app, admin, { scopes });
    const { body } = await make(service.id, {}, { ...admin, bearer: by.bearer }).expect(201);
    await app.http.delete(`/admin/users/${service.id}/api-keys/${body.id}`).set(by.bearer).expect(204);
    const events = await app.deps.db.auditEvent.findMany({
      where: { userId: service.id, action: { startsWith: 'api_key.' } },
      orderBy: { id: 'asc' },
    });
    expect(events.map(({ action, detail }) => [action, detail])).toEqual([
      ['api_key.created', { api_key_id: body.id, scopes: body.scopes, by_api_key_id: by.id }],
      ['api_key.revoked', { api_key_id: body.id, by_api_key_id: by.id }],
    ]);
  });

  it('is made for no person, and for nobody that does not exist', async () => {
    expectProblem(await make((await app.signUp()).userId), 'not_a_service_user');
    expectProblem(await make('01890a5d-ac96-774b-bcce-b302099a8057'), 'not_found');
  });

  it('takes no password and no owner in its body', async () => {
    const { id } = await createServiceUser(app, ['admin']);
    expectProblem(await make(id, { password: admin.password }), 'validation_failed');
    expectProblem(await make(id, { user_id: id }), 'validation_failed');
  });

  it('is ended by who holds all that its owner has, and only there where it belongs', async () => {
    const [service, other] = [await createServiceUser(app, ['admin']), await createServiceUser(app)];
    const { id, bearer } = await makeServiceKey(app, admin, service, ['todos:read']);
    const end = (owner: string, key: string, as: { Authorization: string }) =>
      app.http.delete(`/admin/users/${owner}/api-keys/${key}`).set(as);
    const weak = await makeKey(app, admin, { scopes: ['users:write'] });
    expectProblem(await end(service.id, id, weak.bearer), 'forbidden');
    expectProblem(await end(other.id, id, admin.bearer), 'not_found');
    expectProblem(await end(service.id, 'x', admin.bearer), 'not_found');
    await app.http.get('/welcome').set(bearer).expect(200);
    await end(service.id, id, admin.bearer).expect(204);
    expectProblem(await end(service.id, id, admin.bearer), 'not_found');
    expectProblem(await app.http.get('/welcome').set(bearer), 'api_key_revoked');
  });

  it('made or ended by another key is recorded with the ids of both', async () => {
    const service = await createServiceUser(app, ['user']);
    const acting = await makeKey(app, admin, { scopes: ['service-users:write', 'users:write', ...everybodyHas] });
    const as = { ...admin, bearer: acting.bearer };
    const { body } = await make(service.id, {}, as).expect(201);
    await app.http.delete(`/admin/users/${service.id}/api-keys/${body.id}`).set(as.bearer).expect(204);
    const events = await app.deps.db.auditEvent.findMany({ where: { userId: service.id }, orderBy: { id: 'asc' } });
    const ids = { api_key_id: body.id, by_api_key_id: acting.id };
    expect(events.slice(-2).map(({ action, actorId, detail }) => ({ action, actorId, detail }))).toEqual([
      { action: 'api_key.created', actorId: admin.userId, detail: { ...ids, scopes: ['todos:read'] } },
      { action: 'api_key.revoked', actorId: admin.userId, detail: ids },
    ]);
  });

  it('may still be made while the service user is disabled, and opens nothing until they are enabled', async () => {
    const service = await createServiceUser(app, ['user']);
    await changeUser(app.deps, service.id, { disabled: true }, {}, 'all');
    const { bearer } = await makeServiceKey(app, admin, service, ['todos:read']);
    expectProblem(await app.http.get('/welcome').set(bearer), 'account_disabled');
  });
});
