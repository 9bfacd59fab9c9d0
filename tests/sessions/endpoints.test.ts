import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { cookieHeader, cookiesOf } from '../support/cookies.js';

const ownOrigin = 'http://localhost:3000';
const unknownId = '01890a5d-ac96-774b-bcce-b302099a8057';

type Listed = { id: string; created_at: string; last_used_at: string; expires_at: string; current: boolean };

describe('the sessions of a user', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  async function logIn({ username }: SignedUp, userAgent = 'test') {
    const { body } = await app.http
      .post('/auth/login')
      .set('User-Agent', userAgent)
      .send({ username, password: goodPassword });
    return {
      id: body.session_id as string,
      refreshToken: body.refresh_token as string,
      bearer: { Authorization: `Bearer ${body.access_token}` },
    };
  }
  async function list({ bearer }: { bearer: SignedUp['bearer'] }): Promise<Listed[]> {
    const { status, body } = await app.http.get('/auth/sessions').set(bearer);
    expect(status).toBe(200);
    return body.data;
  }
  const refresh = (refreshToken: string) => app.http.post('/auth/refresh').send({ refresh_token: refreshToken });
  const welcome = async ({ bearer }: { bearer: SignedUp['bearer'] }) => {
    const { status, body } = await app.http.get('/welcome').set(bearer);
    return body.code ?? status;
  };
  const end = (id: string, { bearer }: { bearer: SignedUp['bearer'] }) =>
    app.http.delete(`/auth/sessions/${id}`).set(bearer);

  describe('GET /auth/sessions', () => {
    it('returns exactly the fields of the contract, and is never cached', async () => {
      const user = await app.signUp();
      const { body, headers } = await app.http.get('/auth/sessions').set(user.bearer);
      const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(body).toEqual({
        data: [
          {
            id: user.sessionId,
            created_at: time,
            last_used_at: time,
            expires_at: time,
            acr: 'aal1',
            amr: ['pwd'],
            auth_time: time,
            ip: expect.stringMatching(/^(::1|(::ffff:)?127\.0\.0\.1)$/),
            user_agent: null,
            current: true,
          },
        ],
      });
      expect(headers['cache-control']).toBe('no-store');
      const [{ created_at, expires_at } = { created_at: '', expires_at: '' }] = body.data;
      expect(Date.parse(expires_at) - Date.parse(created_at)).toBeCloseTo(30 * 86_400_000, -4);
    });

    it('puts the last used session first and marks the current one', async () => {
      const user = await app.signUp();
      const phone = await logIn(user);
      const laptop = await logIn(user);
      await refresh(phone.refreshToken);
      const seen = async (by: { bearer: SignedUp['bearer'] }) =>
        (await list(by)).map(({ id, current }) => [id, current]);
      expect(await seen(laptop)).toEqual([
        [phone.id, false],
        [laptop.id, true],
        [user.sessionId, false],
      ]);
      expect((await seen(user)).filter(([, current]) => current)).toEqual([[user.sessionId, true]]);
    });

    it('shows a refresh as the last use and moves the expiry; the creation time stays', async () => {
      const user = await app.signUp();
      const [before] = await list(user);
      await new Promise((resolve) => setTimeout(resolve, 5));
      await refresh(user.refreshToken);
      const [after] = await list(user);
      expect(after?.created_at).toBe(before?.created_at);
      for (const field of ['last_used_at', 'expires_at'] as const)
        expect(Date.parse(after?.[field] ?? '')).toBeGreaterThan(Date.parse(before?.[field] ?? ''));
    });

    it('shows the address and browser of the last refresh, also behind a proxy', async () => {
      const behind = await startAppForTest({ TRUST_PROXY: '1' });
      const user = await behind.signUp();
      const from = { 'X-Forwarded-For': '203.0.113.7', 'User-Agent': 'Browser/1' };
      await behind.http.post('/auth/refresh').set(from).send({ refresh_token: user.refreshToken });
      const { body } = await behind.http.get('/auth/sessions').set(user.bearer);
      expect(body.data).toMatchObject([{ ip: '203.0.113.7', user_agent: 'Browser/1' }]);
    });

    it('leaves out sessions of other users, and those that ended, went idle or grew too old', async () => {
      const user = await app.signUp();
      await app.signUp();
      const [ended, idle, old] = [await logIn(user), await logIn(user), await logIn(user)];
      await app.http.post('/auth/logout').set(ended.bearer);
      await app.deps.db
        .$executeRaw`UPDATE session SET rotated_at = clock_timestamp() - interval '32 days' WHERE id = ${idle.id}::uuid`;
      await app.deps.db
        .$executeRaw`UPDATE session SET created_at = clock_timestamp() - interval '91 days' WHERE id = ${old.id}::uuid`;
      expect((await list(user)).map(({ id }) => id)).toEqual([user.sessionId]);
    });

    it('takes one statement', async () => {
      const user = await app.signUp();
      app.statements.length = 0;
      await list(user);
      expect(app.statements).toHaveLength(1);
    });
  });

  describe('DELETE /auth/sessions/:id', () => {
    it('ends the session at once, with all its tokens, and no other session (ASVS 7.4.5)', async () => {
      const user = await app.signUp();
      const phone = await logIn(user);
      const other = await app.signUp();
      const { status, text, headers } = await end(phone.id, user);
      expect([status, text, headers['set-cookie']]).toEqual([204, '', undefined]);
      expect(await welcome(phone)).toBe('session_revoked');
      expect((await refresh(phone.refreshToken)).body.code).toBe('session_revoked');
      for (const one of [user, other]) expect(await welcome(one)).toBe(200);
      expect((await list(user)).map(({ id }) => id)).toEqual([user.sessionId]);
    });

    it('answers 404 for the session of another user, which goes on', async () => {
      const [user, other] = [await app.signUp(), await app.signUp()];
      const { status, body } = await end(other.sessionId, user);
      expect([status, body.code]).toEqual([404, 'not_found']);
      expect(await welcome(other)).toBe(200);
      expect((await refresh(other.refreshToken)).status).toBe(200);
    });

    it.each([
      [
        'that has ended',
        async (user: SignedUp) => {
          const phone = await logIn(user);
          await end(phone.id, user).expect(204);
          return phone.id;
        },
      ],
      ['that never existed', async () => unknownId],
      ['whose id is not a UUID', async () => 'everything'],
    ])('answers 404 for a session %s', async (_what, idFor) => {
      const user = await app.signUp();
      const { status, body } = await end(await idFor(user), user);
      expect([status, body.code]).toEqual([404, 'not_found']);
    });

    it('answers 204 to one of 20 requests at once and 404 to the others, and stores one revocation', async () => {
      const user = await app.signUp();
      const phone = await logIn(user);
      const answers = await Promise.all(Array.from({ length: 20 }, () => end(phone.id, user)));
      expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array(19).fill(404)]);
      expect(await app.deps.db.revocation.count({ where: { sessionId: phone.id } })).toBe(1);
    });

    it('ends the current session too, and clears its cookies with the attributes they were set with', async () => {
      const username = 'browser-user';
      const signedUp = await app.http
        .post('/auth/signup')
        .set('Origin', ownOrigin)
        .send({ username, password: goodPassword, transport: 'cookie' });
      const set = cookiesOf(signedUp);
      const answer = await app.http
        .delete(`/auth/sessions/${signedUp.body.session_id}`)
        .set('Origin', ownOrigin)
        .set('Cookie', cookieHeader(set));
      expect(answer.status).toBe(204);
      const cleared = cookiesOf(answer);
      expect(Object.keys(cleared).sort()).toEqual(['access_token', 'refresh_token']);
      for (const [name, { value, attributes }] of Object.entries(cleared)) {
        const { 'max-age': _age, expires: _then, ...kept } = set[name]?.attributes ?? {};
        expect([value, attributes]).toEqual(['', { ...kept, expires: 'Thu, 01 Jan 1970 00:00:00 GMT' }]);
      }
    });

    it('ends nothing if a page of another site sends the cookie', async () => {
      const signedUp = await app.http
        .post('/auth/signup')
        .set('Origin', ownOrigin)
        .send({ username: 'csrf-user', password: goodPassword, transport: 'cookie' });
      const { status, body } = await app.http
        .delete(`/auth/sessions/${signedUp.body.session_id}`)
        .set('Origin', 'https://evil.example')
        .set('Cookie', cookieHeader(cookiesOf(signedUp)));
      expect([status, body.code]).toEqual([403, 'csrf_rejected']);
      expect(await app.deps.db.session.count({ where: { id: signedUp.body.session_id, endedAt: null } })).toBe(1);
    });
  });

  describe('POST /auth/logout-all', () => {
    it('ends all sessions at once, with the current one, and clears the cookies; other users stay logged in (ASVS 7.4.3)', async () => {
      const [user, other] = [await app.signUp(), await app.signUp()];
      const devices = [await logIn(user), await logIn(user)];
      const answer = await app.http.post('/auth/logout-all').set(user.bearer);
      expect(answer.status).toBe(204);
      expect(Object.keys(cookiesOf(answer)).sort()).toEqual(['access_token', 'refresh_token']);
      for (const one of [user, ...devices]) {
        expect(await welcome(one)).toBe('session_revoked');
        expect((await refresh(one.refreshToken)).body.code).toBe('session_revoked');
      }
      expect(await welcome(other)).toBe(200);
      expect(await welcome(await logIn(user))).toBe(200);
    });

    it('ends more sessions than one database message can name', async () => {
      const user = await app.signUp();
      await app.deps.db.$executeRaw`
        INSERT INTO session (id, user_id, nonce_hash, access_expires_at)
        SELECT gen_random_uuid(), ${user.userId}::uuid, '\\x00', clock_timestamp() + interval '15 minutes'
        FROM generate_series(1, 500)`;
      await app.http.post('/auth/logout-all').set(user.bearer).expect(204);
      expect(await app.deps.db.session.count({ where: { userId: user.userId, endedAt: null } })).toBe(0);
      expect(await app.deps.db.revocation.count({ where: { userId: user.userId } })).toBe(1);
      expect(await welcome(user)).toBe('session_revoked');
    });
  });

  it('can be listed or ended only with an access token', async () => {
    for (const asked of [
      app.http.get('/auth/sessions'),
      app.http.post('/auth/logout-all'),
      app.http.delete(`/auth/sessions/${unknownId}`),
    ])
      expect((await asked).body.code).toBe('unauthenticated');
  });
});
