import type { Response } from 'supertest';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeApiKey } from '../../src/api-keys/format.js';
import { goodPassword, type SignedUp, startApp, type TestApp } from '../support/app.js';
import { expectProblem } from '../support/problem.js';
import { withRole } from '../support/rows.js';

type Bearer = { Authorization: string };

let app: TestApp;
let admin: SignedUp;
beforeAll(async () => {
  app = await startApp();
  admin = await withRole(app, await app.signUp(), 'admin');
});
afterAll(() => app.stop());

const asPerson = ['profile:read', 'todos:read', 'todos:write'];

/** A key of the admin that may only this. */
function keyWith(...scopes: string[]): Promise<Bearer> {
  return keyOf(admin.userId, scopes);
}

async function keyOf(userId: string, scopes: string[]): Promise<Bearer> {
  const id = uuidv7();
  const { key, start, secretHash } = writeApiKey('glk', id);
  app.secrets.add('a key', key);
  const hash = new Uint8Array(secretHash);
  await app.deps.db.apiKey.create({
    data: { id, userId, name: 'narrow', start, secretHash: hash, scopes },
  });
  return { Authorization: `Bearer ${key}` };
}

const service = async (...roles: string[]) =>
  (
    await app.http
      .post('/admin/users')
      .set(admin.bearer)
      .send({ kind: 'service', username: `machine-${uuidv7().slice(-12)}`, roles })
      .expect(201)
  ).body.id as string;

/** What is done to a user. */
const deeds: Record<string, (id: string, by: Bearer) => ReturnType<TestApp['http']['get']>> = {
  'takes a role from': (id, by) => app.http.patch(`/admin/users/${id}`).set(by).send({ roles: [] }),
  disables: (id, by) => app.http.patch(`/admin/users/${id}`).set(by).send({ disabled: true }),
  'logs out': (id, by) => app.http.post(`/admin/users/${id}/logout`).set(by),
  deletes: (id, by) => app.http.delete(`/admin/users/${id}`).set(by),
};

function expectLack(answer: Response, permission: string): void {
  expectProblem(answer, 'forbidden');
  expect(answer.body.detail).toBe(`You lack ${permission}.`);
  expect(answer.headers['www-authenticate']).toContain(`scope="${permission}"`);
}

describe('Nobody acts on who may more:', () => {
  let target: SignedUp;
  beforeEach(async () => {
    target = await withRole(app, await app.signUp(), 'admin');
  });

  it.each(Object.entries(deeds))(
    'a key that lacks what the user has %s nobody, and the answer names it',
    async (_, deed) => {
      const key = await keyWith('users:write', ...asPerson);
      expectLack(await deed(target.userId, key), 'audit:read');
      expectLack(await deed(await service('admin'), key), 'audit:read');
      expect((await app.http.get('/admin/users').set(target.bearer)).status).toBe(200);
      expect((await deed(target.userId, admin.bearer)).status).toBeLessThan(300);
    },
  );

  it.each(Object.entries(deeds))('a key that has all that the user has %s them', async (_, deed) => {
    const key = await keyWith('users:write', ...asPerson);
    expect((await deed((await app.signUp()).userId, key)).status).toBeLessThan(300);
    expect((await deed(await service('editor'), await keyWith('users:write'))).status).toBeLessThan(300);
  });

  it('a person is more than a machine: to act on one needs what every person has', async () => {
    const person = await app.signUp();
    for (const deed of Object.values(deeds))
      expectLack(await deed(person.userId, await keyWith('users:write')), 'profile:read');
  });

  it.each(Object.entries(deeds))(
    'who has lost the role a moment ago %s nobody, whatever their token says',
    async (_, deed) => {
      const former = await withRole(app, await app.signUp(), 'admin');
      await app.deps.db.user.update({ where: { id: former.userId }, data: { roles: [] } });
      expectLack(await deed(target.userId, former.bearer), 'users:write');
      const machine = await withRole(app, await app.signUp(), 'admin');
      await app.deps.db.user.update({ where: { id: machine.userId }, data: { disabledAt: new Date() } });
      expectProblem(await deed(target.userId, machine.bearer), 'forbidden');
    },
  );

  it('nor removes their second factors', async () => {
    const former = await withRole(app, await app.signUp(), 'admin');
    await app.deps.db.user.update({ where: { id: former.userId }, data: { roles: [] } });
    const reset = (id: string) =>
      app.http.delete(`/admin/users/${id}/second-factors`).set(former.bearer).send({ password: goodPassword });
    expectLack(await reset(target.userId), 'users:write');
  });

  it('a key that has ended a moment ago makes no key that would stay, and acts on nobody', async () => {
    const machine = await service('admin');
    const ended = await keyWith('service-users:write', 'users:write', 'users:read', ...asPerson);
    await app.http.get('/welcome').set(ended).expect(200);
    const revokedAt = new Date();
    await app.deps.db.apiKey.updateMany({ where: { userId: admin.userId, name: 'narrow' }, data: { revokedAt } });
    const made = { name: 'A child', scopes: ['users:read'] };
    expectProblem(await app.http.post(`/admin/users/${machine}/api-keys`).set(ended).send(made), 'api_key_revoked');
    const { userId } = await app.signUp();
    for (const deed of Object.values(deeds)) expectProblem(await deed(userId, ended), 'api_key_revoked');
  });
});

describe('Nobody gives more than they have:', () => {
  it('no role to a user', async () => {
    const { userId } = await app.signUp();
    const give = (roles: string[], by: Bearer) => app.http.patch(`/admin/users/${userId}`).set(by).send({ roles });
    const key = await keyWith('users:write', ...asPerson);
    expectLack(await give(['admin'], key), 'audit:read');
    await give(['editor'], key).expect(200);
    await give(['admin'], admin.bearer).expect(200);
  });

  it('no role to oneself', async () => {
    const key = await keyWith('users:write', ...asPerson);
    expectLack(
      await app.http
        .patch(`/admin/users/${admin.userId}`)
        .set(key)
        .send({ roles: ['admin'] }),
      'audit:read',
    );
  });

  it('no role to a new service user', async () => {
    const make = (roles: string[], by: Bearer) =>
      app.http
        .post('/admin/users')
        .set(by)
        .send({ kind: 'service', username: `new-${uuidv7().slice(-12)}`, roles });
    const key = await keyWith('service-users:write');
    expectLack(await make(['admin'], key), 'audit:read');
    expectLack(await make(['user'], key), 'profile:read');
    const { body } = await make(['editor'], key).expect(201);
    const event = await app.deps.db.auditEvent.findFirstOrThrow({ where: { userId: body.id } });
    expect([event.actorId, event.detail]).toEqual([
      admin.userId,
      { kind: 'service', roles: ['editor'], api_key_id: expect.any(String) },
    ]);
    expectProblem(await make(['editor'], await keyWith('users:write', ...asPerson)), 'forbidden');
  });

  it('no role to who is invited', async () => {
    const invite = (roles: string[], by: Bearer) =>
      app.http
        .post('/admin/invitations')
        .set(by)
        .send({ email: `${uuidv7()}@example.com`, roles });
    const key = await keyWith('users:write', ...asPerson);
    expectLack(await invite(['admin'], key), 'audit:read');
    expectLack(await invite([], await keyWith('users:write')), 'profile:read');
    await invite(['editor'], key).expect(201);
    expectProblem(await invite([], await keyWith('users:read', ...asPerson)), 'forbidden');
  });
});

describe('A service user', () => {
  it('invites, changes and makes users by its key, as far as its roles go', async () => {
    const id = await service('admin');
    const key = await keyOf(id, ['users:write', 'service-users:write', ...asPerson]);
    const invite = () =>
      app.http
        .post('/admin/invitations')
        .set(key)
        .send({ email: `${uuidv7()}@example.com` });
    expect((await invite().expect(201)).body.invited_by).toBe(id);
    const { userId } = await app.signUp();
    await app.http
      .patch(`/admin/users/${userId}`)
      .set(key)
      .send({ roles: ['editor'] })
      .expect(200);
    await app.http.post('/admin/users').set(key).send({ kind: 'service', username: 'made-by-a-machine' }).expect(201);
    await app.http
      .patch(`/admin/users/${id}`)
      .set(admin.bearer)
      .send({ roles: ['editor'] })
      .expect(200);
    expectProblem(await invite(), 'forbidden');
  });
});
