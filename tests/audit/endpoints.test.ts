import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { expectProblem } from '../support/problem.js';
import { withRole } from '../support/rows.js';

type Event = {
  id: string;
  at: string;
  action: string;
  user_id: string | null;
  actor_id: string | null;
  ip: string | null;
  user_agent: string | null;
  detail: Record<string, unknown>;
};

let app: TestApp;
let admin: SignedUp;
beforeAll(async () => {
  app = await startApp({ RATE_LIMIT: 'off' });
  admin = await withRole(app, await app.signUp({ username: 'auditor' }), 'admin');
});
afterAll(() => app.stop());

const audit = (query: Record<string, string> = {}) => app.http.get('/admin/audit').query(query).set(admin.bearer);
const eventsOf = async (query: Record<string, string>): Promise<Event[]> => (await audit(query)).body.data;
const logIn = (username: string, password = goodPassword) =>
  app.http.post('/auth/login').set('User-Agent', 'Walrus/1').send({ username, password });

describe('the audit records', () => {
  it('a sign-up and a login, with user, address and session', async () => {
    const user = await app.signUp();
    const { body } = await logIn(user.username);
    const [login, created] = await eventsOf({ user_id: user.userId });
    expect(login).toEqual({
      id: expect.any(String),
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      action: 'login.succeeded',
      user_id: user.userId,
      actor_id: user.userId,
      ip: expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
      user_agent: 'Walrus/1',
      detail: { session_id: body.session_id, amr: ['pwd'], acr: 'aal1' },
    });
    expect(created).toMatchObject({
      action: 'user.created',
      actor_id: user.userId,
      detail: { session_id: user.sessionId },
    });
  });

  it('nothing as created for a sign-up that fails', async () => {
    const user = await app.signUp();
    const before = await app.deps.db.auditEvent.count({ where: { action: 'user.created' } });
    await app.http.post('/auth/signup').send({ username: user.username, password: goodPassword });
    expect(await app.deps.db.auditEvent.count({ where: { action: 'user.created' } })).toBe(before);
  });

  it('wrong passwords as a count, with the user only if there is one', async () => {
    const user = await app.signUp();
    await Promise.all(Array.from({ length: 30 }, () => logIn(user.username, 'wrong')));
    const failed = await eventsOf({ user_id: user.userId, action: 'login.failed' });
    // A new window may have begun in between.
    expect(failed.length).toBeLessThanOrEqual(2);
    expect(failed.reduce((sum, { detail }) => sum + Number(detail.count), 0)).toBe(30);
    expect(failed[0]).toMatchObject({ actor_id: null, detail: { reason: 'credentials', last_at: expect.any(String) } });

    await Promise.all(Array.from({ length: 30 }, (_, n) => logIn(`nobody-${n}`, 'wrong')));
    const unknown = (await eventsOf({ action: 'login.failed' })).filter(({ user_id }) => user_id === null);
    expect(unknown.reduce((sum, { detail }) => sum + Number(detail.count), 0)).toBe(30);
    expect(JSON.stringify(unknown)).not.toContain('nobody-');
  });

  it('a refresh within the grace period from another User-Agent, counted, in the same single statement', async () => {
    const user = await app.signUp();
    const refresh = (agent: string) =>
      app.http.post('/auth/refresh').set('User-Agent', agent).send({ refresh_token: user.refreshToken });
    await refresh('One/1');
    app.statements.length = 0;
    for (let count = 0; count < 5; count++) expect((await refresh('Other/1')).status).toBe(200);
    expect(app.statements).toHaveLength(5);
    const grace = await eventsOf({ user_id: user.userId, action: 'refresh.grace' });
    expect(grace.reduce((sum, { detail }) => sum + Number(detail.count), 0)).toBe(5);
    expect(grace[0]).toMatchObject({ user_agent: 'Other/1', detail: { session_id: user.sessionId } });
  });

  it('a login within at most three statements, also a failed one or one of an unknown user', async () => {
    const user = await app.signUp();
    for (const [name, password] of [
      [user.username, goodPassword],
      [user.username, 'wrong'],
      ['nobody', 'wrong'],
    ] as const) {
      app.statements.length = 0;
      await logIn(name, password);
      expect(app.statements.length).toBeLessThanOrEqual(3);
    }
  });

  it('no typed text, name, e-mail or secret', async () => {
    const own = await startAppForTest();
    const user = await own.signUp({ username: 'typed-name', email: 'typed@mail.example' });
    const body = { username: 'typed-name', password: 'typed-wrong-password' };
    await own.http.post('/auth/login').send(body);
    await own.http.post('/auth/login').send({ username: 'typed@mail.example', password: goodPassword });
    await own.http
      .post('/me/password')
      .set(user.bearer)
      .send({ current_password: goodPassword, new_password: 'another typed passphrase' });
    await own.http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
    await own.http.delete('/me').set(user.bearer).send({ password: 'another typed passphrase' });
    const rows = await own.deps.db.auditEvent.findMany();
    expect(rows.map(({ action }) => action)).toContain('user.deleted');
    const text = JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    expect(text).not.toMatch(/typed/);
    for (const secret of [user.accessToken, user.refreshToken, user.deviceToken, goodPassword])
      expect(text).not.toContain(secret);
  });
});

describe('the audit list', () => {
  it('shows the newest first, page by page, each event once', async () => {
    const user = await app.signUp();
    for (let count = 0; count < 6; count++) await logIn(user.username, count % 2 ? goodPassword : 'wrong');
    const all = await eventsOf({ user_id: user.userId, limit: '100' });
    const times = all.map(({ at }) => at);
    expect(times).toEqual([...times].sort().reverse());
    const seen: Event[] = [];
    let cursor: string | null = null;
    do {
      const { body } = await audit({ user_id: user.userId, limit: '2', ...(cursor && { cursor }) });
      seen.push(...body.data);
      cursor = body.next_cursor;
    } while (cursor);
    expect(seen).toEqual(all);
  });

  it('can be filtered by action, and by user too', async () => {
    const user = await app.signUp();
    await logIn(user.username);
    expect((await eventsOf({ action: 'login.succeeded', user_id: user.userId })).map(({ action }) => action)).toEqual([
      'login.succeeded',
    ]);
    expect(new Set((await eventsOf({ action: 'user.created' })).map(({ action }) => action))).toEqual(
      new Set(['user.created']),
    );
    expect(await eventsOf({ action: 'key.revoked' })).toEqual([]);
  });

  it.each([{ action: 'nothing' }, { user_id: 'x' }, { limit: '0' }, { cursor: 'x' }])('refuses %j', async (query) =>
    expectProblem(await audit(query), 'validation_failed'),
  );

  it('takes one statement', async () => {
    app.statements.length = 0;
    await audit({ user_id: admin.userId });
    expect(app.statements).toHaveLength(1);
  });
});
