import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser, deleteUser } from '../../src/admin/user-changes.js';
import { askForKey, makeKey, type TestKey } from '../support/api-keys.js';
import { type SignedUp, startApp, type TestApp } from '../support/app.js';
import { confirm, mailTo } from '../support/mails.js';
import { expectProblem } from '../support/problem.js';
import { withRole } from '../support/rows.js';

let app: TestApp;
let user: SignedUp;
let key: TestKey;
let people = 0;
const address = () => `ada-${people}@example.com`;
beforeAll(async () => {
  app = await startApp();
  // So that another admin may be demoted.
  await withRole(app, await app.signUp(), 'admin');
});
afterAll(() => app.stop());

async function newKey(fields: object = {}): Promise<TestKey> {
  people += 1;
  user = await app.signUp({ email: address() });
  key = await makeKey(app, user, fields);
  await use().expect(200);
  return key;
}

const use = (path = '/welcome', { bearer } = key) => app.http.get(path).set(bearer);
const newPassword = 'another horse battery staple';

describe('A key is refused at once when', () => {
  it('its owner ends it: api_key_revoked, and it is in no list', async () => {
    const { id } = await newKey();
    await app.http.delete(`/me/api-keys/${id}`).set(user.bearer).expect(204);
    const refused = await use();
    expectProblem(refused, 'api_key_revoked');
    expect(refused.headers['www-authenticate']).toContain('error="invalid_token"');
    expect((await app.http.get('/me/api-keys').set(user.bearer)).body).toEqual({ data: [] });
    expectProblem(await app.http.delete(`/me/api-keys/${id}`).set(user.bearer), 'not_found');
    const ended = await app.deps.db.auditEvent.findMany({ where: { action: 'api_key.revoked', userId: user.userId } });
    expect(ended.map(({ actorId, detail }) => ({ actorId, detail }))).toEqual([
      { actorId: user.userId, detail: { api_key_id: id } },
    ]);
  });

  it('it has expired: token_expired', async () => {
    await newKey({ expires_in: 1 });
    await expect.poll(async () => (await use()).body.code, { timeout: 5_000 }).toBe('token_expired');
    expect((await app.http.get('/me/api-keys').set(user.bearer)).body).toEqual({ data: [] });
    expectProblem(await app.http.delete(`/me/api-keys/${key.id}`).set(user.bearer), 'not_found');
  });

  it('its owner is disabled: account_disabled; enabled again, it is good again', async () => {
    await newKey();
    await changeUser(app.deps, user.userId, { disabled: true }, {}, 'all');
    expectProblem(await use(), 'account_disabled');
    expectProblem(await use(), 'account_disabled');
    await changeUser(app.deps, user.userId, { disabled: false }, {}, 'all');
    await use().expect(200);
  });

  it('its owner is deleted: api_key_revoked; name and start of all their keys are gone', async () => {
    const { id } = await newKey({ name: 'A telling name' });
    const ended = await makeKey(app, user, { name: 'Another telling name' });
    await app.http.delete(`/me/api-keys/${ended.id}`).set(user.bearer).expect(204);
    await deleteUser(app.deps, user.userId, {}, 'all');
    expectProblem(await use(), 'api_key_revoked');
    const left = await app.deps.db.apiKey.findMany({ where: { id: { in: [id, ended.id] } } });
    expect(left.map(({ name, start }) => [name, start])).toEqual([
      ['', ''],
      ['', ''],
    ]);
  });
});

it('nobody ends the key of another', async () => {
  const { id } = await newKey();
  const other = await app.signUp();
  expectProblem(await app.http.delete(`/me/api-keys/${id}`).set(other.bearer), 'not_found');
  await use().expect(200);
});

it('a role taken from the owner narrows a key at once, and given back widens it: never token_stale', async () => {
  await newKey();
  const admin = await withRole(app, user, 'admin');
  const wide = await makeKey(app, admin, { scopes: ['users:read', 'todos:read'] });
  await use('/admin/users', wide).expect(200);
  await changeUser(app.deps, user.userId, { roles: [] }, {}, 'all');
  expectProblem(await use('/admin/users', wide), 'forbidden');
  await use('/todos', wide).expect(200);
  await changeUser(app.deps, user.userId, { roles: ['admin'] }, {}, 'all');
  await use('/admin/users', wide).expect(200);
});

it('logging out everywhere leaves keys alone', async () => {
  await newKey();
  await app.http.post('/auth/logout-all').set(user.bearer).expect(204);
  await use().expect(200);
});

describe('A new password', () => {
  const change = (fields: object = {}) =>
    app.http
      .post('/me/password')
      .set(user.bearer)
      .send({ current_password: user.password, new_password: newPassword, ...fields });

  async function reset(fields: object = {}) {
    await app.http.post('/auth/password/forgot').send({ email: address() }).expect(202);
    const { token } = await mailTo(app, address(), /Set a new password/);
    return app.http.post('/auth/password/reset').send({ token, password: newPassword, ...fields });
  }

  it('leaves keys alone, and the mail names those that are left', async () => {
    await newKey({ name: 'Nightly backup' });
    await confirm(app, address());
    const other = await makeKey(app, user, { name: 'see evil.example' });
    await change().expect(204);
    await use().expect(200);
    const { text } = await mailTo(app, address(), /was changed/);
    const words = text.replace(/=\r\n/g, '').replace(/\s+/g, ' ');
    expect(words).toContain(`still work: Nightly backup (${key.start}), ${other.start}.`);
    expect(words).not.toContain('evil.example');
  });

  it('with end_api_keys ends all keys, and the mail names none', async () => {
    await newKey();
    await confirm(app, address());
    await change({ end_api_keys: true }).expect(204);
    expectProblem(await use(), 'api_key_revoked');
    expect((await mailTo(app, address(), /was changed/)).text).not.toContain('API key');
  });

  it('with end_api_keys ends none if the password is refused', async () => {
    await newKey();
    expectProblem(await change({ current_password: 'wrong password here', end_api_keys: true }), 'invalid_credentials');
    await use().expect(200);
  });

  it('by a mailed link leaves keys alone, and the mail names them', async () => {
    await newKey();
    expect((await reset()).status).toBe(204);
    await use().expect(200);
    expect((await mailTo(app, address(), /was reset/)).text).toContain(key.start);
  });

  it('by a mailed link with end_api_keys ends them', async () => {
    await newKey();
    expect((await reset({ end_api_keys: true })).status).toBe(204);
    expectProblem(await use(), 'api_key_revoked');
  });

  it('is asked for on a page with a ticked box', async () => {
    const { text } = await app.http.get('/reset-password').expect(200);
    expect(text).toContain('<input name="end_api_keys" type="checkbox" checked>');
  });
});

it('thousands of expired keys hold up neither a new password nor the deletion of their owner, and are not ended again', async () => {
  const owner = await app.signUp();
  await app.deps.db.$executeRaw`
    INSERT INTO api_key (id, user_id, name, start, secret_hash, scopes, expires_at)
    SELECT gen_random_uuid(), ${owner.userId}::uuid, '', '', '', '{}', clock_timestamp() - interval '1 hour'
    FROM generate_series(1, 3000)`;
  const live = await makeKey(app, owner);
  const change = { current_password: owner.password, new_password: newPassword, end_api_keys: true };
  await app.http.post('/me/password').set(owner.bearer).send(change).expect(204);
  expectProblem(await use('/welcome', live), 'api_key_revoked');
  await deleteUser(app.deps, owner.userId, {}, 'all');
  const ended = await app.deps.db.auditEvent.findMany({ where: { action: 'api_key.revoked', userId: owner.userId } });
  expect(ended.map(({ detail }) => detail)).toEqual([{ api_key_id: live.id }]);
});

it('the export of a user has their keys, ended ones too, and no hash', async () => {
  await newKey({ name: 'Nightly backup' });
  await app.http.delete(`/me/api-keys/${key.id}`).set(user.bearer).expect(204);
  const { body, text } = await app.http.get('/me/export').set(user.bearer).expect(200);
  expect(body.api_keys).toMatchObject([
    { id: key.id, name: 'Nightly backup', start: key.start, scopes: ['todos:read'] },
  ]);
  const [row] = await app.deps.db.apiKey.findMany({ where: { id: key.id } });
  for (const form of ['hex', 'base64', 'base64url'] as const)
    expect(text).not.toContain(Buffer.from(row?.secretHash ?? []).toString(form));
  expect((await askForKey(app, user)).status).toBe(201);
});
