import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { outboxEmpty } from '../support/mails.js';
import { expectProblem } from '../support/problem.js';
import { withRole } from '../support/rows.js';

let app: TestApp;
let admin: SignedUp;
beforeAll(async () => {
  app = await startApp();
  admin = await withRole(app, await app.signUp({ username: 'root-admin' }), 'admin');
});
afterAll(() => app.stop());

const create = (body: object, as = admin) => app.http.post('/admin/users').set(as.bearer).send(body);
const service = async (username: string, roles: string[] = []) =>
  (await create({ kind: 'service', username, roles }).expect(201)).body;
const patch = (id: string, body: object) => app.http.patch(`/admin/users/${id}`).set(admin.bearer).send(body);
const logIn = (username: string) => app.http.post('/auth/login').send({ username, password: goodPassword });

describe('A service user', () => {
  it('is made by an admin, with a name and roles, and is in the audit', async () => {
    const { status, body } = await create({ kind: 'service', username: 'Nightly', roles: ['editor', 'editor'] });
    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.any(String),
      kind: 'service',
      username: 'Nightly',
      email: null,
      email_verified: false,
      roles: ['editor'],
      created_at: expect.any(String),
      updated_at: expect.any(String),
      disabled: false,
      last_login_at: null,
    });
    const event = await app.deps.db.auditEvent.findFirstOrThrow({ where: { userId: body.id } });
    expect([event.action, event.actorId]).toEqual(['user.created', admin.userId]);
    expect(event.detail).toEqual({ kind: 'service', roles: ['editor'] });
    expect((await app.http.get(`/admin/users/${body.id}`).set(admin.bearer)).body).toEqual(body);
  });

  it('has a name that nobody else has, person or machine', async () => {
    await service('taken');
    const person = await app.signUp();
    for (const username of ['TAKEN', person.username])
      expectProblem(await create({ kind: 'service', username }), 'username_taken');
    expectProblem(
      await app.http.post('/auth/signup').send({ username: 'taken', password: goodPassword }),
      'username_taken',
    );
  });

  it.each([
    [{ kind: 'person', username: 'a-person' }, 'kind', /^Only service users are made here. Invite a person: POST/],
    [{ username: 'no-kind' }, 'kind', /./],
    [{ kind: 'service' }, 'username', /./],
    [{ kind: 'service', username: 'no' }, 'username', /./],
    [{ kind: 'service', username: 'some', roles: ['nobody'] }, 'roles.0', /^There is no such role/],
    [{ kind: 'service', username: 'some', password: goodPassword }, 'password', /./],
    [{ kind: 'service', username: 'some', email: 'some@example.com' }, 'email', /./],
  ])('is not made of %j', async (body, path, message) => {
    const answer = await create(body);
    expectProblem(answer, 'validation_failed');
    expect(answer.body.errors).toContainEqual({ path, message: expect.stringMatching(message) });
  });

  it('is found by its kind, beside persons or alone', async () => {
    await service('findable-service');
    await app.signUp({ username: 'findable-person' });
    const found = async (query: object) => {
      const { body } = await app.http
        .get('/admin/users')
        .query({ q: 'findable', ...query })
        .set(admin.bearer)
        .expect(200);
      return body.data.map((user: { username: string; kind: string }) => `${user.kind} ${user.username}`);
    };
    expect(await found({ kind: 'service' })).toEqual(['service findable-service']);
    expect(await found({ kind: 'person' })).toEqual(['person findable-person']);
    expect(await found({})).toHaveLength(2);
    expectProblem(await app.http.get('/admin/users?kind=machine').set(admin.bearer), 'validation_failed');
  });

  it('cannot log in: the answer and what it costs are those of a name that nobody has', async () => {
    const { id } = await service('locked-out', ['admin']);
    const asked = async (username: string) => {
      app.statements.length = 0;
      const answer = await logIn(username);
      const { request_id: _, ...problem } = answer.body;
      return { status: answer.status, problem, statements: app.statements.length };
    };
    const nobody = await asked('nobody-at-all');
    expect(nobody.problem.code).toBe('invalid_credentials');
    expect(await asked('locked-out')).toEqual(nobody);
    await patch(id, { disabled: true }).expect(200);
    expect(await asked('locked-out')).toEqual(nobody);
    expect(await app.deps.db.session.count({ where: { userId: id } })).toBe(0);
  });

  it('costs a login one hash, as nobody does', async () => {
    await service('timed');
    const verified: (string | undefined)[] = [];
    const { passwords } = app.deps;
    const { verify } = passwords;
    passwords.verify = (hash, ...rest) => {
      verified.push(hash);
      return verify(hash, ...rest);
    };
    for (const username of ['timed', 'nobody-at-all']) await logIn(username).expect(401);
    passwords.verify = verify;
    expect(verified).toEqual([undefined, undefined]);
  });

  it('is never mailed, whatever happens to it', async () => {
    const { id } = await service('silent');
    const before = await app.deps.db.outbox.count();
    await patch(id, { roles: ['editor'] }).expect(200);
    await patch(id, { disabled: true }).expect(200);
    await patch(id, { disabled: false }).expect(200);
    await app.http.post(`/admin/users/${id}/logout`).set(admin.bearer).expect(204);
    const reset = app.http.delete(`/admin/users/${id}/second-factors`).set(admin.bearer);
    expectProblem(await reset.send({ password: admin.password }), 'last_sign_in_method');
    await app.http.delete(`/admin/users/${id}`).set(admin.bearer).expect(204);
    await outboxEmpty(app);
    expect(await app.deps.db.outbox.count()).toBe(before);
  });

  it('is changed, disabled, enabled and deleted like anybody, and its name is free again', async () => {
    const { id } = await service('changeable');
    expect((await patch(id, { roles: ['user'] })).body).toMatchObject({ kind: 'service', roles: ['user'] });
    expect((await patch(id, { disabled: true })).body.disabled).toBe(true);
    expect((await patch(id, { disabled: false })).body.disabled).toBe(false);
    expectProblem(await patch(id, { kind: 'person' }), 'validation_failed');
    await app.http.delete(`/admin/users/${id}`).set(admin.bearer).expect(204);
    expectProblem(await app.http.get(`/admin/users/${id}`).set(admin.bearer), 'not_found');
    await service('changeable');
  });

  it('takes the name of a sign-up that has expired', async () => {
    const own = await startAppForTest({ SIGNUP: 'verified' });
    const boss = await own.deps.db.user.count();
    expect(boss).toBe(0);
    const fields = { username: 'reserved', password: goodPassword, email: 'reserved@example.com' };
    await own.http.post('/auth/signup').send(fields).expect(201);
    const { createServiceUser } = await import('../../src/admin/create-service-user.js');
    const make = () => createServiceUser(own.deps, { username: 'reserved', roles: [] }, {}, 'all');
    await expect(make()).rejects.toMatchObject({ code: 'username_taken' });
    await own.deps.db.$executeRaw`UPDATE "user" SET pending_until = now() - interval '1 second'`;
    expect(await make()).toMatchObject({ kind: 'service', username: 'reserved' });
  });
});

it('a service user with the role admin is never the other admin: the last person stays', async () => {
  const own = await startAppForTest();
  const boss = await withRole(own, await own.signUp(), 'admin');
  const made = await own.http
    .post('/admin/users')
    .set(boss.bearer)
    .send({ kind: 'service', username: 'machine', roles: ['admin'] })
    .expect(201);
  const path = `/admin/users/${boss.userId}`;
  expectProblem(await own.http.patch(path).set(boss.bearer).send({ roles: [] }), 'last_admin');
  expectProblem(await own.http.patch(path).set(boss.bearer).send({ disabled: true }), 'last_admin');
  expectProblem(await own.http.delete('/me').set(boss.bearer).send({ password: boss.password }), 'last_admin');
  const machine = `/admin/users/${made.body.id}`;
  await own.http.patch(machine).set(boss.bearer).send({ roles: [] }).expect(200);
  await own.http.delete(machine).set(boss.bearer).expect(204);
});
