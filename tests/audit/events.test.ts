import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser, deleteUser } from '../../src/admin/user-changes.js';
import { endAllSessions } from '../../src/sessions/end.js';
import { goodPassword, type SignedUp, startApp, type TestApp } from '../support/app.js';

describe('the audit', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp({ TRUST_PROXY: '1' });
  });
  afterAll(() => app.stop());

  const home = { 'X-Forwarded-For': '192.0.2.1', 'User-Agent': 'Home/1' };
  const elsewhere = { 'X-Forwarded-For': '203.0.113.9', 'User-Agent': 'Home/1' };
  const otherBrowser = { 'X-Forwarded-For': '192.0.2.1', 'User-Agent': 'Other/2' };
  const refresh = (refreshToken: string, from = home) =>
    app.http.post('/auth/refresh').set(from).send({ refresh_token: refreshToken });
  const allEventsOf = ({ userId }: SignedUp) =>
    app.deps.db.auditEvent.findMany({ where: { userId }, orderBy: [{ at: 'asc' }, { id: 'asc' }] });
  /** The events after the sign-up, which is always the first. */
  const eventsOf = async (user: SignedUp) => {
    const [first, ...events] = await allEventsOf(user);
    expect(first).toMatchObject({
      action: 'user.created',
      actorId: user.userId,
      detail: { session_id: user.sessionId },
    });
    return events;
  };
  const inThePast = ({ sessionId }: SignedUp) =>
    app.deps.db
      .$executeRaw`UPDATE session SET rotated_at = rotated_at - interval '31 seconds' WHERE id = ${sessionId}::uuid`;

  it('records a reused refresh token, with its session and the address that sent it', async () => {
    const user = await app.signUp();
    await refresh(user.refreshToken);
    await inThePast(user);
    expect((await refresh(user.refreshToken, elsewhere)).body.code).toBe('refresh_token_reused');
    await refresh(user.refreshToken, elsewhere);
    expect(await eventsOf(user)).toMatchObject([
      {
        action: 'refresh.reused',
        actorId: null,
        ip: '203.0.113.9',
        userAgent: 'Home/1',
        detail: { reason: 'refresh_token_reused', sessions: [user.sessionId] },
      },
    ]);
  });

  it.each([
    ['another address', elsewhere],
    ['another browser', otherBrowser],
  ])('records a repeated refresh within the grace period from %s', async (_what, from) => {
    const user = await app.signUp();
    await refresh(user.refreshToken);
    expect((await refresh(user.refreshToken, from)).status).toBe(200);
    expect(await eventsOf(user)).toMatchObject([
      {
        action: 'refresh.grace',
        ip: from['X-Forwarded-For'],
        userAgent: from['User-Agent'],
        detail: { session_id: user.sessionId, count: 1 },
      },
    ]);
  });

  it('does not record a normal refresh, or a repeat from the same browser', async () => {
    const user = await app.signUp();
    const { body } = await refresh(user.refreshToken);
    for (let tab = 0; tab < 3; tab++) await refresh(user.refreshToken);
    await refresh(body.refresh_token, elsewhere);
    expect(await eventsOf(user)).toEqual([]);
  });

  it('records a token that is ahead of the database, as after a restored backup', async () => {
    const user = await app.signUp();
    const first = (await refresh(user.refreshToken)).body.refresh_token;
    const second = (await refresh(first)).body.refresh_token;
    await app.deps.db.session.update({ where: { id: user.sessionId }, data: { counter: 0 } });
    expect((await refresh(second)).status).toBe(200);
    expect(await eventsOf(user)).toMatchObject([
      { action: 'refresh.ahead', ip: '192.0.2.1', detail: { session_id: user.sessionId } },
    ]);
  });

  it.each<[string, string, (user: SignedUp) => PromiseLike<unknown>, boolean]>([
    ['a logout', 'logout', (user) => app.http.post('/auth/logout').set(user.bearer), true],
    ['a logout of all sessions', 'logout_all', (user) => app.http.post('/auth/logout-all').set(user.bearer), true],
    [
      'an ending from the list of sessions',
      'ended_by_user',
      (user) => app.http.delete(`/auth/sessions/${user.sessionId}`).set(user.bearer),
      true,
    ],
  ])('records %s once, with its reason, its sessions and the user who did it', async (_what, reason, end, byThem) => {
    const user = await app.signUp();
    await end(user);
    await end(user);
    expect(await eventsOf(user)).toMatchObject([
      { action: 'session.ended', actorId: byThem ? user.userId : null, detail: { reason, sessions: [user.sessionId] } },
    ]);
  });

  it('stores the number of sessions if they are too many to name', async () => {
    const user = await app.signUp();
    await app.deps.db.$executeRaw`
      INSERT INTO session (id, user_id, nonce_hash, access_expires_at)
      SELECT gen_random_uuid(), ${user.userId}::uuid, '\\x00', clock_timestamp() FROM generate_series(1, 200)`;
    await app.http.post('/auth/logout-all').set(user.bearer);
    expect((await eventsOf(user)).map(({ detail }) => detail)).toEqual([{ reason: 'logout_all', sessions: 201 }]);
  });

  it('records disabling, enabling, roles and deletion once each, and nothing if nothing changed', async () => {
    const user = await app.signUp();
    const actor = (await app.signUp()).userId;
    const by = { actorId: actor, caller: { address: '192.0.2.7', userAgent: 'Admin/1' } };
    for (let time = 0; time < 2; time++) await changeUser(app.deps, user.userId, { roles: ['editor'] }, by, 'all');
    for (let time = 0; time < 2; time++) await changeUser(app.deps, user.userId, { disabled: true }, by, 'all');
    for (let time = 0; time < 2; time++) await changeUser(app.deps, user.userId, { disabled: false }, by, 'all');
    expect([
      await deleteUser(app.deps, user.userId, by, 'all'),
      await deleteUser(app.deps, user.userId, by, 'all'),
    ]).toEqual([true, false]);
    const events = await eventsOf(user);
    expect(events.map(({ action, detail }) => [action, detail])).toEqual([
      ['roles.changed', { roles: ['editor'] }],
      ['user.disabled', {}],
      ['session.ended', { reason: 'user_disabled', sessions: [user.sessionId] }],
      ['user.enabled', {}],
      ['user.deleted', {}],
    ]);
    for (const event of events) expect(event).toMatchObject({ actorId: actor, ip: '192.0.2.7', userAgent: 'Admin/1' });
  });

  it('names no user if all sessions of all users end together', async () => {
    const own = await startApp();
    const users = [await own.signUp(), await own.signUp()];
    expect(await endAllSessions(own.deps, {})).toBe(2);
    expect(await own.deps.db.auditEvent.findMany({ where: { action: { not: 'user.created' } } })).toMatchObject([
      { action: 'session.ended', userId: null, actorId: null, detail: { reason: 'ended_by_operator' } },
    ]);
    for (const { bearer } of users)
      expect((await own.http.get('/welcome').set(bearer)).body.code).toBe('session_revoked');
    await own.stop();
  });

  it('contains no name, e-mail, password or token', async () => {
    const user = await app.signUp({ username: 'Very.Private', email: 'very@private.example' });
    await refresh(user.refreshToken);
    await refresh(user.refreshToken, elsewhere);
    await app.http
      .post('/me/password')
      .set(user.bearer)
      .send({ current_password: goodPassword, new_password: 'a wholly different battery staple' });
    await app.http.delete('/me').set(user.bearer).send({ password: 'a wholly different battery staple' });
    const events = await allEventsOf(user);
    expect(events.map(({ action }) => action)).toEqual([
      'user.created',
      'refresh.grace',
      'password.changed',
      'session.ended',
      'user.deleted',
    ]);
    const kept = JSON.stringify(events);
    for (const secret of ['private', 'battery', user.refreshToken.slice(20), user.accessToken.slice(-20)])
      expect(kept.toLowerCase()).not.toContain(secret.toLowerCase());
  });
});
