import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import { writeApiKey } from '../../src/api-keys/format.js';
import { GET } from '../../src/endpoint.js';
import { accessToken } from '../../src/guards.js';
import * as todos from '../../src/own/todos/endpoints.js';
import { askForKey, makeKey, type TestKey } from '../support/api-keys.js';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { limitsOn, newAddress } from '../support/limits.js';
import { expectProblem } from '../support/problem.js';
import { expectTold } from '../support/prometheus-text.js';
import { ask, pathOf, rows, withRole } from '../support/rows.js';
import { serveRows } from '../support/rows-app.js';

let app: TestApp;
let user: SignedUp;
let key: TestKey;
beforeAll(async () => {
  app = await startApp({ ACCESS_TOKEN_SOURCES: 'bearer,cookie,query,header:X-Token' });
  user = await app.signUp();
  key = await makeKey(app, user, { scopes: ['todos:read', 'todos:write'] });
});
afterAll(() => app.stop());

const welcome = (bearer: { Authorization: string }) => app.http.get('/welcome').set(bearer);

/** The statements of a request, without the work of jobs. */
async function statementsOf(work: () => PromiseLike<unknown>): Promise<number> {
  app.statements.length = 0;
  await work();
  return app.statements.length;
}

describe('A key', () => {
  it('costs one statement the first time, and none from then on', async () => {
    const fresh = await makeKey(app, user);
    expect(await statementsOf(() => welcome(fresh.bearer).expect(200))).toBe(1);
    for (let time = 0; time < 3; time++) expect(await statementsOf(() => welcome(fresh.bearer).expect(200))).toBe(0);
  });

  it('whose checksum is wrong costs none: 10,000 forged ones ask the database nothing', async () => {
    const wrong = `${key.key.slice(0, -6)}000000`;
    expect(
      await statementsOf(async () =>
        expectProblem(await welcome({ Authorization: `Bearer ${wrong}` }), 'invalid_token'),
      ),
    ).toBe(0);
    const count = await statementsOf(async () => {
      for (let time = 0; time < 10_000; time++)
        await app.deps.apiKeys.check(`${writeApiKey('glk', uuidv7()).key.slice(0, -6)}AAAAAA`).catch(() => undefined);
    });
    expect(count).toBe(0);
  });

  it('is taken in the Authorization header and in a header of ACCESS_TOKEN_SOURCES', async () => {
    await welcome(key.bearer).expect(200);
    await app.http.get('/welcome').set('X-Token', key.key).expect(200);
  });

  it('is never taken from the query, where logs would keep it, nor from a cookie', async () => {
    expectProblem(await app.http.get('/welcome').query({ access_token: key.key }), 'invalid_request');
    expectProblem(await app.http.get('/welcome').set('Cookie', `access_token=${key.key}`), 'invalid_token');
  });

  it('may write from another site: the rule for cookies is not for it', async () => {
    const todo = app.http
      .post('/todos')
      .set({ ...key.bearer, Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' });
    await todo.send({ title: 'By a machine' }).expect(201);
  });

  it('acts as its owner, as far as its scopes go, and no further', async () => {
    const { body } = await app.http.get('/todos').set(key.bearer).expect(200);
    expect(body.data.map(({ title }: { title: string }) => title)).toContain('By a machine');
    const refused = await app.http.get('/me').set(key.bearer);
    expectProblem(refused, 'forbidden');
    expect(refused.headers['www-authenticate']).toMatch(/error="insufficient_scope".*, scope="profile:read"$/);
  });

  it('reaches no row that is for sessions alone, however much it may', async () => {
    const admin = await withRole(app, await app.signUp(), 'admin');
    const all = await makeKey(app, admin, { scopes: ['profile:read', 'todos:read', 'users:read', 'users:write'] });
    const alone = rows.filter(({ row }) => row.guard.name === 'access-token' && !row.permission && !row.anyToken);
    expect(alone.length).toBeGreaterThan(15);
    for (const { name, row } of alone) {
      const answer = await ask(app, row, pathOf(row)).set(all.bearer).send({});
      expect([name, answer.body.code]).toEqual([name, 'session_required']);
    }
  });

  it('reaches no row that asks for a role: it carries permissions alone', async () => {
    const admin = await withRole(app, await app.signUp(), 'admin');
    const { bearer } = await makeKey(app, admin, { scopes: ['todos:read'] });
    const asked = { guard: accessToken, role: 'admin' } as const;
    const own = await serveRows(app, [
      GET('/any', { ...asked, anyToken: true }, todos.list),
      GET('/reading', { ...asked, permission: 'todos:read' }, todos.list),
    ]);
    for (const path of ['/any', '/reading']) {
      await own.get(path).set(admin.bearer).expect(200);
      expectProblem(await own.get(path).set(bearer), 'session_required');
    }
  });

  it('of an admin reads and changes users, and each deed has the id of the key in its record', async () => {
    const admin = await withRole(app, await app.signUp(), 'admin');
    const other = await app.signUp();
    const all = await makeKey(app, admin, {
      scopes: ['profile:read', 'todos:read', 'todos:write', 'users:read', 'users:write'],
    });
    await app.http.get('/admin/users').set(all.bearer).expect(200);
    await app.http.patch(`/admin/users/${other.userId}`).set(all.bearer).send({ disabled: true }).expect(200);
    const [event] = await app.deps.db.auditEvent.findMany({ where: { action: 'user.disabled', userId: other.userId } });
    expect(event).toMatchObject({ actorId: admin.userId, detail: { api_key_id: all.id } });
  });

  it('is counted by what became of it', async () => {
    const own = await startAppForTest();
    const counted = await makeKey(own, await own.signUp());
    await own.http.get('/welcome').set(counted.bearer).expect(200);
    await own.http.get('/welcome').set(counted.bearer).expect(200);
    await own.http
      .get('/welcome')
      .set('Authorization', `Bearer ${writeApiKey('glk', uuidv7()).key}`)
      .expect(401);
    const name = 'gatelatch_api_key_checks_total';
    await expectTold(own, name, { outcome: 'good', cached: 'false' }, 1);
    await expectTold(own, name, { outcome: 'good', cached: 'true' }, 1);
    await expectTold(own, name, { outcome: 'invalid_token', cached: 'false' }, 1);
  });
});

describe('When a key was last used', () => {
  it('is written by a job and not by the request', async () => {
    const fresh = await makeKey(app, user);
    const lastUse = async () => (await app.deps.db.apiKey.findUnique({ where: { id: fresh.id } }))?.lastUsedAt ?? null;
    await app.deps.apiKeys.uses.write();
    await welcome(fresh.bearer).expect(200);
    await welcome(fresh.bearer).expect(200);
    expect(await lastUse()).toBeNull();
    expect(await statementsOf(() => app.deps.apiKeys.uses.write())).toBe(1);
    expect(Math.abs(Date.now() - Number(await lastUse()))).toBeLessThan(60_000);
    expect(await statementsOf(() => app.deps.apiKeys.uses.write())).toBe(0);
    const { body } = await app.http.get('/me/api-keys').set(user.bearer).expect(200);
    const shown = body.data.find(({ id }: { id: string }) => id === fresh.id);
    expect(Date.parse(shown.last_used_at)).toBeGreaterThan(0);
  });

  it('is not the time of a refused try', async () => {
    const fresh = await makeKey(app, user);
    const forged = `${fresh.key.slice(0, -6)}000000`;
    await app.http.get('/welcome').set('Authorization', `Bearer ${forged}`).expect(401);
    await app.deps.apiKeys.uses.write();
    expect((await app.deps.db.apiKey.findUnique({ where: { id: fresh.id } }))?.lastUsedAt).toBeNull();
  });
});

it('an instance keeps at most 5,000 keys in memory; the one used longest ago is looked up again', async () => {
  const own = await startAppForTest();
  const { userId } = await own.signUp();
  const made = Array.from({ length: 5_001 }, () => ({ id: uuidv7() })).map(({ id }) => ({
    id,
    ...writeApiKey('glk', id),
  }));
  await own.deps.db.apiKey.createMany({
    data: made.map(({ id, start, secretHash }) => ({
      id,
      userId,
      name: 'x',
      start,
      secretHash: new Uint8Array(secretHash),
      scopes: [],
    })),
  });
  for (const { key } of made) await own.deps.apiKeys.check(key);
  const costs = async (at: number) => {
    own.statements.length = 0;
    await own.deps.apiKeys.check(`${made[at]?.key}`);
    return own.statements.length;
  };
  expect([await costs(5_000), await costs(1), await costs(0)]).toEqual([0, 0, 1]);
}, 60_000);

it('past RATE_LIMIT_API_KEY an address looks up no unknown key, and keys that are known pass', async () => {
  const own = await startAppForTest({ ...limitsOn, RATE_LIMIT_API_KEY: '3/5m' });
  const owner = await own.signUp();
  const [known, unseen] = [await makeKey(own, owner), await makeKey(own, owner)];
  const from = newAddress();
  const use = (key: string, address = from) =>
    own.http.get('/welcome').set({ Authorization: `Bearer ${key}`, 'X-Forwarded-For': address });
  await use(known.key).expect(200);
  for (let time = 0; time < 3; time++) expectProblem(await use(writeApiKey('glk', uuidv7()).key), 'invalid_token');
  own.statements.length = 0;
  const refused = await use(unseen.key);
  expectProblem(refused, 'rate_limited');
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  await use(known.key).expect(200);
  expect(own.statements).toEqual([]);
  await use(unseen.key, newAddress()).expect(200);
  await use(unseen.key).expect(200);
});

it('past that limit a known key passes also when it must be looked up again, and is unknown once it was refused', async () => {
  const own = await startAppForTest({ ...limitsOn, RATE_LIMIT_API_KEY: '3/5m' });
  const owner = await own.signUp();
  const known = await makeKey(own, owner);
  const from = newAddress();
  const use = (key: string) =>
    own.http.get('/welcome').set({ Authorization: `Bearer ${key}`, 'X-Forwarded-For': from });
  await use(known.key).expect(200);
  for (let time = 0; time < 3; time++) expectProblem(await use(writeApiKey('glk', uuidv7()).key), 'invalid_token');
  await changeUser(own.deps, owner.userId, { roles: ['editor'] }, {}, 'all');
  await use(known.key).expect(200);
  await changeUser(own.deps, owner.userId, { disabled: true }, {}, 'all');
  expectProblem(await use(known.key), 'account_disabled');
  expectProblem(await use(known.key), 'rate_limited');
});

it('a key is looked up again after five minutes by the wall clock, which goes on while a machine sleeps', async () => {
  const fresh = await makeKey(app, user);
  await welcome(fresh.bearer).expect(200);
  const now = Date.now();
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => now + 310_000);
  try {
    expect(await statementsOf(() => welcome(fresh.bearer).expect(200))).toBe(1);
    expect(await statementsOf(() => welcome(fresh.bearer).expect(200))).toBe(0);
  } finally {
    clock.mockRestore();
  }
});

it('making keys is limited by wrong passwords, as other rows with proof', async () => {
  const own = await startAppForTest({ ...limitsOn, RATE_LIMIT_PASSWORD: '2/5m' });
  const owner = await own.signUp();
  const wrong = { password: 'wrong password here' };
  for (let time = 0; time < 2; time++) expectProblem(await askForKey(own, owner, wrong), 'invalid_credentials');
  expectProblem(await askForKey(own, owner), 'rate_limited');
});
