import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import type { Row } from '../../src/endpoint.js';
import { invite } from '../../src/invitations/invite.js';
import { endUserSessions } from '../../src/sessions/end.js';
import { createServiceUser, makeKey } from '../support/api-keys.js';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { confirm, mailTo } from '../support/mails.js';
import { expectProblem } from '../support/problem.js';
import { ask, goodBody, pathOf, rows, withRole } from '../support/rows.js';
import { createWebhook, deleteWebhooks } from '../support/webhooks.js';

const adminRows = rows.filter(({ row }) => row.path.startsWith('/admin/'));

let app: TestApp;
let admin: SignedUp;
beforeAll(async () => {
  app = await startApp({ RATE_LIMIT: 'off' });
  admin = await withRole(app, await app.signUp({ username: 'Root.Admin' }), 'admin');
});
afterAll(() => app.stop());

const get = (path: string, as = admin) => app.http.get(path).set(as.bearer);
const patch = (id: string, body: object, as = admin) => app.http.patch(`/admin/users/${id}`).set(as.bearer).send(body);
const remove = (id: string, as = admin) => app.http.delete(`/admin/users/${id}`).set(as.bearer);
const refresh = (user: SignedUp) => app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
const welcome = (user: SignedUp) => app.http.get('/welcome').set(user.bearer);
const actionsOf = async (userId: string) =>
  (await app.deps.db.auditEvent.findMany({ where: { userId }, orderBy: { at: 'asc' } })).map(({ action }) => action);

describe('access to every admin route (ASVS 8.2.1)', () => {
  afterAll(() => deleteWebhooks(app));

  it('is declared with the permission on its row, and the list here is complete', () => {
    expect(adminRows.map(({ name, row }) => `${name} ${row.permission}`)).toEqual([
      'GET /admin/users users:read',
      'POST /admin/users service-users:write',
      'GET /admin/users/{id} users:read',
      'PATCH /admin/users/{id} users:write',
      'DELETE /admin/users/{id} users:write',
      'GET /admin/users/{id}/sessions users:read',
      'GET /admin/users/{id}/sign-in-methods users:read',
      'DELETE /admin/users/{id}/second-factors users:write',
      'POST /admin/users/{id}/logout users:write',
      'GET /admin/users/{id}/api-keys users:read',
      'POST /admin/users/{id}/api-keys service-users:write',
      'DELETE /admin/users/{id}/api-keys/{key_id} users:write',
      'GET /admin/roles users:read',
      'GET /admin/invitations users:read',
      'POST /admin/invitations users:write',
      'DELETE /admin/invitations/{id} users:write',
      'GET /admin/audit audit:read',
      'GET /admin/webhooks webhooks:write',
      'POST /admin/webhooks webhooks:write',
      'GET /admin/webhooks/{id} webhooks:write',
      'PATCH /admin/webhooks/{id} webhooks:write',
      'DELETE /admin/webhooks/{id} webhooks:write',
      'POST /admin/webhooks/{id}/rotate-secret webhooks:write',
      'POST /admin/webhooks/{id}/ping webhooks:write',
      'GET /admin/webhooks/{id}/deliveries webhooks:write',
      'POST /admin/webhooks/{id}/deliveries/{event_id}/retry webhooks:write',
      'POST /admin/webhooks/{id}/replay webhooks:write',
    ]);
  });

  /** What a row acts on, and its body. */
  async function neededFor(row: Row): Promise<{ id: string; more?: string; body?: object }> {
    const { method, path } = row;
    if (path.startsWith('/admin/webhooks')) return neededForWebhooks(row);
    if (path === '/admin/invitations/{id}')
      return { id: (await invite(app.deps, { email: 'other@example.com', roles: [] }, {}, 'all')).id };
    if (method === 'POST' && path.endsWith('/api-keys'))
      return {
        id: (await createServiceUser(app, ['user'])).id,
        body: { name: 'Nightly backup', scopes: ['todos:read'] },
      };
    const subject = await app.signUp();
    const id = subject.userId;
    if (path.endsWith('/{key_id}')) return { id, more: (await makeKey(app, subject)).id };
    if (path.endsWith('/second-factors')) return { id, body: { password: goodPassword } };
    if (method === 'POST' && path === '/admin/users') return { id, body: { kind: 'service', username: 'machine' } };
    return method === 'POST' && path === '/admin/invitations' ? { id, body: { email: 'new@example.com' } } : { id };
  }

  async function neededForWebhooks(row: Row): Promise<{ id: string; more?: string; body?: object }> {
    const { id } = await createWebhook(app, admin, { events: ['invitation.accepted'] });
    const body = row.endpoint.body ? { body: goodBody(row) } : {};
    if (!row.path.includes('{event_id}')) return { id, ...body };
    const ping = await app.http.post(`/admin/webhooks/${id}/ping`).set(admin.bearer).expect(202);
    return { id, more: ping.body.event_id, ...body };
  }

  it.each(adminRows)(
    'for $name is given to an admin only: not without a token, to a user, or to a disabled or demoted admin',
    async ({ row }) => {
      const { id, more, body: sent } = await neededFor(row);
      const asked = (as?: SignedUp) => {
        const request = ask(app, row, pathOf(row, id, more)).set(as?.bearer ?? {});
        return sent ? request.send(sent) : request;
      };
      const [user, disabled, demoted] = [await app.signUp(), await app.signUp(), await app.signUp()];
      const [disabledAdmin, demotedAdmin] = [
        await withRole(app, disabled, 'admin'),
        await withRole(app, demoted, 'admin'),
      ];
      expect((await patch(disabled.userId, { disabled: true })).status).toBe(200);
      expect((await patch(demoted.userId, { roles: ['editor'] })).status).toBe(200);

      expectProblem(await asked(), 'unauthenticated');
      const refused = await asked(user);
      expectProblem(refused, 'forbidden');
      expect(refused.headers['www-authenticate']).toMatch(/^Bearer realm="gatelatch", error="insufficient_scope"/);
      expect(refused.headers['www-authenticate']).toMatch(new RegExp(`, scope="${row.permission}"$`));
      expectProblem(await asked(disabledAdmin), 'session_revoked');
      expectProblem(await asked(demotedAdmin), 'token_stale');
      const { body } = await refresh(demotedAdmin);
      expectProblem(await asked({ ...demoted, bearer: { Authorization: `Bearer ${body.access_token}` } }), 'forbidden');
      expect((await asked(await withRole(app, user, 'administrator'))).status).toBe(403);
      const allowed = await asked(admin);
      expect([200, 201, 202, 204], allowed.text).toContain(allowed.status);
      expect(allowed.headers['cache-control']).toBe('no-store');
      expect(allowed.text).not.toMatch(/argon2|hash|username_key|nonce/i);
    },
  );
});

describe('listing and searching users', () => {
  it('shows the fields that only admins see', async () => {
    const user = await app.signUp({ username: 'Shown.User', email: 'Shown@Example.com' });
    const { body } = await get('/admin/users?q=shown.user');
    const facts = {
      id: user.userId,
      kind: 'person',
      username: 'Shown.User',
      email: 'Shown@Example.com',
      email_verified: false,
      roles: [],
      created_at: expect.any(String),
      updated_at: expect.any(String),
      disabled: false,
      last_login_at: expect.any(String),
    };
    expect(body).toEqual({ data: [facts], next_cursor: null });
    expect((await get(`/admin/users/${user.userId}`)).body).toEqual(facts);
  });

  describe('by text', () => {
    beforeAll(async () => {
      await app.signUp({ username: 'find-k', email: 'Mail@Search.example' });
      await app.signUp({ username: 'find_b' });
    });

    it.each([
      ['FIND-', ['find-k']],
      ['find', ['find-k', 'find_b']],
      ['nd_b', ['find_b']],
      ['find_', ['find_b']],
      ['d%b', []],
      ['%', []],
      ['_', ['find_b']],
      ['\\', []],
      ['\\_', []],
      ['MAIL@search', ['find-k']],
      ['find-\u212A', []],
      ["' OR 1=1 --", []],
    ])('finds %j and treats no character as a wildcard', async (q, names) => {
      const { body } = await app.http.get('/admin/users').query({ q }).set(admin.bearer);
      expect(body.data.map(({ username }: { username: string }) => username)).toEqual(names);
    });
  });

  it('goes through all users page by page, each once, the oldest first', async () => {
    for (let count = 0; count < 5; count++) await app.signUp({ username: `paged-${count}` });
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await get(`/admin/users?q=paged-&limit=2${cursor && `&cursor=${cursor}`}`);
      expect(body.data.length).toBeLessThanOrEqual(2);
      seen.push(...body.data.map(({ username }: { username: string }) => username));
      cursor = body.next_cursor;
    } while (cursor);
    expect(seen).toEqual(['paged-0', 'paged-1', 'paged-2', 'paged-3', 'paged-4']);
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'cursor=x', 'q=a&q=b', 'q=%00', `q=${'x'.repeat(255)}`])(
    'refuses ?%s',
    async (query) => expectProblem(await get(`/admin/users?${query}`), 'validation_failed'),
  );

  it('takes one statement', async () => {
    app.statements.length = 0;
    await get('/admin/users?q=a&limit=5');
    expect(app.statements).toHaveLength(1);
  });
});

describe('changing a user', () => {
  let user: SignedUp;
  beforeEach(async () => {
    user = await app.signUp();
  });

  it('sets roles: live tokens are stale at once, and a refresh returns the new roles (ASVS 8.3.2)', async () => {
    const { status, body } = await patch(user.userId, { roles: ['editor', 'editor', 'user'] });
    expect([status, body.roles]).toEqual([200, ['editor', 'user']]);
    expectProblem(await welcome(user), 'token_stale');
    const next = await refresh(user);
    expect(next.body.user.roles).toEqual(['editor', 'user']);
    expect(await actionsOf(user.userId)).toEqual(['user.created', 'roles.changed']);
  });

  it('does nothing if the roles are the same in another order', async () => {
    await patch(user.userId, { roles: ['editor', 'user'] });
    const { body } = await refresh(user);
    await patch(user.userId, { roles: ['user', 'editor'] });
    expect((await app.http.get('/welcome').set('Authorization', `Bearer ${body.access_token}`)).status).toBe(200);
  });

  it('disables the user: sessions and tokens end at once, and logins are refused until enabled (ASVS 7.4.2)', async () => {
    expect((await patch(user.userId, { disabled: true })).body.disabled).toBe(true);
    expectProblem(await welcome(user), 'session_revoked');
    expectProblem(await refresh(user), 'session_revoked');
    const logIn = () => app.http.post('/auth/login').send({ username: user.username, password: user.password });
    expectProblem(await logIn(), 'account_disabled');
    expect((await patch(user.userId, { disabled: false })).body.disabled).toBe(false);
    expect((await logIn()).status).toBe(200);
    expectProblem(await welcome(user), 'session_revoked');
    const actions = [
      'user.created',
      'user.disabled',
      'session.ended',
      'login.failed',
      'user.enabled',
      'login.succeeded',
    ];
    expect(await actionsOf(user.userId)).toEqual(actions);
  });

  it('changes roles and disabled in one transaction, or neither', async () => {
    const { body } = await patch(user.userId, { roles: ['editor'], disabled: true });
    expect([body.roles, body.disabled]).toEqual([['editor'], true]);

    const other = await app.signUp();
    await app.deps.db.$executeRaw`ALTER TABLE "user" ADD CONSTRAINT nobody_more CHECK (disabled_at IS NULL) NOT VALID`;
    const answer = await patch(other.userId, { roles: ['editor'], disabled: true });
    await app.deps.db.$executeRaw`ALTER TABLE "user" DROP CONSTRAINT nobody_more`;
    expectProblem(answer, 'internal_error');
    expect((await welcome(other)).status).toBe(200);
    expect((await get(`/admin/users/${other.userId}`)).body).toMatchObject({ roles: [], disabled: false });
    expect(await actionsOf(other.userId)).toEqual(['user.created']);
  });

  it('answers an empty change with the unchanged user', async () => {
    const { status, body } = await patch(user.userId, {});
    expect([status, body.id]).toEqual([200, user.userId]);
    expect(await actionsOf(user.userId)).toEqual(['user.created']);
  });

  it('tells which roles there are when one is unknown, and does not repeat it', async () => {
    const { body } = await patch(user.userId, { roles: ['a-secret'] });
    const message = 'There is no such role: src/own/permissions.ts makes them. There are admin, user, editor.';
    expect(body.errors).toEqual([{ path: 'roles.0', message }]);
  });

  it.each([
    [{ password: 'correct horse battery staple' }, 'password'],
    [{ password_hash: 'x' }, 'password_hash'],
    [{ username: 'other' }, 'username'],
    [{ email_verified: true }, 'email_verified'],
    [{ version: 0 }, 'version'],
    [{ kind: 'service' }, 'kind'],
    [{ roles: ['unknown'] }, 'roles.0'],
    [{ roles: [''] }, 'roles.0'],
    [{ roles: ['editor', 'Admin'] }, 'roles.1'],
    [{ roles: Array(33).fill('editor') }, 'roles'],
    [{ roles: 'admin' }, 'roles'],
    [{ roles: null }, 'roles'],
    [{ disabled: 'yes' }, 'disabled'],
    [{ disabled: null }, 'disabled'],
  ])('refuses %j (ASVS 6.4.6, 8.2.3)', async (body, path) => {
    const answer = await patch(user.userId, body);
    expectProblem(answer, 'validation_failed');
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  });

  it('keeps an access token with the most and longest roles small enough for a cookie (ASVS 3.3.5)', async () => {
    const roles = Array.from({ length: 32 }, (_, n) => `${n}`.padEnd(32, 'x'));
    // Not by a request: they are of code of before.
    await changeUser(app.deps, user.userId, { roles }, {}, 'all');
    const { body } = await refresh(user);
    expect(body.access_token.length).toBeLessThan(4000);
  });

  it('mails the user, and tells neither the address nor the device of the administrator', async () => {
    const user = await app.signUp({ email: 'gone@example.com' });
    await confirm(app, 'gone@example.com');
    expect((await remove(user.userId)).status).toBe(204);
    const { text } = await mailTo(app, 'gone@example.com', /was deleted/);
    expect(text).not.toMatch(/127\.0\.0\.1|address /);
    const [left] = await app.deps.db.outbox.findMany({ where: { purpose: 'user_deleted' } });
    expect(left?.detail).toEqual({});
  });

  it('deletes the user with all their data, and live tokens end at once', async () => {
    await app.http.post('/todos').set(user.bearer).send({ title: 'left behind' });
    expect((await remove(user.userId)).status).toBe(204);
    expectProblem(await welcome(user), 'session_revoked');
    expectProblem(await get(`/admin/users/${user.userId}`), 'not_found');
    expectProblem(await remove(user.userId), 'not_found');
    expect(await app.deps.db.todo.count({ where: { userId: user.userId } })).toBe(0);
    expect(await actionsOf(user.userId)).toEqual(['user.created', 'session.ended', 'user.deleted']);
  });

  it.each<[string, (id: string) => PromiseLike<unknown>]>([
    ['logs out', (id) => app.http.post(`/admin/users/${id}/logout`).set(admin.bearer).expect(204)],
    ['deletes', (id) => remove(id).expect(204)],
    ['disables', (id) => patch(id, { disabled: true }).expect(200)],
    ['ends all of, from code,', (id) => endUserSessions(app.deps, id, 'ended_by_admin', {})],
  ])('%s the user also where the id is written in capitals: live tokens end at once', async (_, act) => {
    await act(user.userId.toUpperCase());
    expectProblem(await welcome(user), 'session_revoked');
  });

  it('answers 404 for an id without a user', async () => {
    const unknownId = '01890a5d-ac96-774b-bcce-b302099a8057';
    expectProblem(await get(`/admin/users/${unknownId}`), 'not_found');
    expectProblem(await patch(unknownId, { disabled: true }), 'not_found');
    expectProblem(await remove(unknownId), 'not_found');
    expectProblem(await get(`/admin/users/${unknownId}/sessions`), 'not_found');
    expectProblem(await app.http.post(`/admin/users/${unknownId}/logout`).set(admin.bearer), 'not_found');
  });
});

describe('the sessions of a user', () => {
  it('are shown to an admin as to the user, and an admin can end them all (ASVS 7.4.5)', async () => {
    const user = await app.signUp();
    const { body: own } = await app.http.get('/auth/sessions').set(user.bearer);
    const { body } = await get(`/admin/users/${user.userId}/sessions`);
    expect(body.data).toEqual([{ ...own.data[0], current: false }]);
    expect(
      (await get(`/admin/users/${admin.userId}/sessions`)).body.data.some((s: { current: boolean }) => s.current),
    ).toBe(true);
    expect((await app.http.post(`/admin/users/${user.userId}/logout`).set(admin.bearer)).status).toBe(204);
    expectProblem(await welcome(user), 'session_revoked');
    expect((await get(`/admin/users/${user.userId}/sessions`)).body).toEqual({ data: [] });
    const event = await app.deps.db.auditEvent.findFirstOrThrow({
      where: { userId: user.userId, action: 'session.ended' },
    });
    expect(event).toMatchObject({
      actorId: admin.userId,
      detail: { reason: 'ended_by_admin', sessions: [user.sessionId] },
    });
  });
});

describe('the last admin', () => {
  const start = async () => {
    const own = await startAppForTest({ RATE_LIMIT: 'off' });
    const boss = await withRole(own, await own.signUp({ username: 'boss' }), 'admin');
    return { own, boss };
  };

  it('cannot be demoted, disabled or deleted by any route', async () => {
    const { own, boss } = await start();
    const path = `/admin/users/${boss.userId}`;
    expectProblem(await own.http.patch(path).set(boss.bearer).send({ roles: [] }), 'last_admin');
    expectProblem(await own.http.patch(path).set(boss.bearer).send({ disabled: true }), 'last_admin');
    expectProblem(await own.http.delete(path).set(boss.bearer), 'last_admin');
    expectProblem(await own.http.delete('/me').set(boss.bearer).send({ password: boss.password }), 'last_admin');
    expect((await own.http.get('/admin/users').set(boss.bearer)).status).toBe(200);
    expect(
      (
        await own.http
          .patch(path)
          .set(boss.bearer)
          .send({ roles: ['admin', 'editor'] })
      ).status,
    ).toBe(200);
  });

  it('is the only enabled admin: a disabled one does not count', async () => {
    const { own, boss } = await start();
    const other = await withRole(own, await own.signUp(), 'admin');
    expect(
      (await own.http.patch(`/admin/users/${other.userId}`).set(boss.bearer).send({ disabled: true })).status,
    ).toBe(200);
    expectProblem(await own.http.delete('/me').set(boss.bearer).send({ password: boss.password }), 'last_admin');
    expect((await own.http.delete(`/admin/users/${other.userId}`).set(boss.bearer)).status).toBe(204);
  });

  it('stays if two are demoted or disabled at once (50 rounds over all pairs of ways)', {
    timeout: 120_000,
  }, async () => {
    const { own, boss } = await start();
    const { db } = own.deps;
    const ways = [
      (id: string) => own.http.patch(`/admin/users/${id}`).send({ roles: [] }),
      (id: string) => own.http.patch(`/admin/users/${id}`).send({ disabled: true }),
      (id: string) => own.http.patch(`/admin/users/${id}`).send({ roles: ['editor'], disabled: true }),
    ];
    let one = boss;
    for (let round = 0; round < 50; round++) {
      const other = await withRole(own, await own.signUp(), 'admin');
      const pair = [one, other] as const;
      // Each changes the other, or each changes themselves, with tokens from before.
      const crossed = round % 2 === 0;
      const way = (n: number) => ways[(round + n * (round % 3)) % ways.length] as (typeof ways)[0];
      const answers = await Promise.all(
        pair.map((user, n) => way(n)((crossed ? pair[1 - n] : user)?.userId ?? '').set(user.bearer)),
      );
      const admins = await db.user.findMany({ where: { roles: { has: 'admin' }, disabledAt: null } });
      expect(admins, `round ${round}`).toHaveLength(1);
      const outcomes = answers.map(({ status, body }) => (status < 300 ? 'done' : body.code)).sort();
      // An admin who was demoted or disabled just before may get that refusal first.
      expect(['last_admin', 'token_stale', 'session_revoked', 'forbidden']).toContain(
        outcomes.filter((o) => o !== 'done')[0],
      );
      expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1);
      const left = admins[0]?.id === one.userId ? one : other;
      const { body } = await own.http.post('/auth/login').send({ username: left.username, password: left.password });
      one = { ...left, bearer: { Authorization: `Bearer ${body.access_token}` } };
    }
  });

  it('stays if two delete themselves at once', async () => {
    const { own, boss } = await start();
    let one = boss;
    for (let round = 0; round < 10; round++) {
      const other = await withRole(own, await own.signUp(), 'admin');
      const answers = await Promise.all(
        [one, other].map((user) => own.http.delete('/me').set(user.bearer).send({ password: user.password })),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([204, 409]);
      one = answers[0]?.status === 409 ? one : other;
    }
  });
});
