import jwt from 'jsonwebtoken';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRefreshToken } from '../../src/sessions/refresh-tokens.js';
import { goodPassword, type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';

const ownOrigin = 'http://localhost:3000';
const day = 86_400;
const refused = (code: string) => ({ status: 401, code });

describe('refreshing', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  const refresh = (refreshToken: unknown) => app.http.post('/auth/refresh').send({ refresh_token: refreshToken });
  const outcome = async (refreshToken: unknown) => {
    const { status, body } = await refresh(refreshToken);
    return { status, code: body.code };
  };
  const successor = async (refreshToken: string): Promise<string> => {
    const { status, body } = await refresh(refreshToken);
    expect([status, body.code]).toEqual([200, undefined]);
    return body.refresh_token;
  };
  const open = (accessToken: string) => app.http.get('/welcome').set('Authorization', `Bearer ${accessToken}`);
  const row = (sessionId: string) => app.deps.db.session.findUniqueOrThrow({ where: { id: sessionId } });

  /** Moves the times of a session back, as if time had passed for the database. */
  const lastRefreshedAgo = (sessionId: string, seconds: number) => app.deps.db.$executeRaw`
    UPDATE session SET rotated_at = clock_timestamp() - make_interval(secs => ${seconds}) WHERE id = ${sessionId}::uuid`;
  const begunAgo = (sessionId: string, seconds: number) => app.deps.db.$executeRaw`
    UPDATE session SET created_at = clock_timestamp() - make_interval(secs => ${seconds}) WHERE id = ${sessionId}::uuid`;

  it('answers 200 with new tokens for the same session and user, without a device token', async () => {
    const user = await app.signUp();
    const { status, body, headers } = await refresh(user.refreshToken);
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 900,
      refresh_token: expect.any(String),
      refresh_expires_in: 2_592_000,
      scope: 'profile:read todos:read todos:write',
      session_id: user.sessionId,
      acr: 'aal1',
      amr: ['pwd'],
      auth_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      user: expect.objectContaining({ id: user.userId, username: user.username }),
    });
    expect(body.refresh_token).not.toBe(user.refreshToken);
    expect(body.access_token).not.toBe(user.accessToken);
    expect((await open(body.access_token)).status).toBe(200);
  });

  it('takes one statement, also within the grace period', async () => {
    const user = await app.signUp();
    for (const _time of ['the first', 'the second']) {
      app.statements.length = 0;
      await refresh(user.refreshToken);
      expect(app.statements).toHaveLength(1);
    }
  });

  it('can be repeated, and returns a different token each time', async () => {
    let { refreshToken } = await app.signUp();
    const seen = new Set([refreshToken]);
    for (let n = 0; n < 20; n += 1) {
      refreshToken = await successor(refreshToken);
      seen.add(refreshToken);
    }
    expect(seen.size).toBe(21);
  });

  it('takes roles and version from the database as they are now', async () => {
    const user = await app.signUp();
    await app.deps.db.$executeRaw`UPDATE "user" SET roles = '{editor}', version = 3 WHERE id = ${user.userId}::uuid`;
    const { body } = await refresh(user.refreshToken);
    expect(jwt.decode(body.access_token)).toMatchObject({ roles: ['editor'], ver: 3 });
    expect(body.user.roles).toEqual(['editor']);
  });

  it('keeps the user and session id while the tokens change', async () => {
    const user = await app.signUp();
    const before = jwt.decode(user.accessToken) as jwt.JwtPayload;
    const after = jwt.decode((await refresh(user.refreshToken)).body.access_token) as jwt.JwtPayload;
    expect(after).toMatchObject({ sub: before.sub, sid: before.sid, iss: before.iss, aud: before.aud });
    expect(after.jti).not.toBe(before.jti);
  });

  describe('with the token that was just replaced', () => {
    it('returns the same new token within the grace period (after a lost response, or from several tabs)', async () => {
      const user = await app.signUp();
      const next = await successor(user.refreshToken);
      await lastRefreshedAgo(user.sessionId, 25);
      expect(await successor(user.refreshToken)).toBe(next);
      expect(await successor(user.refreshToken)).toBe(next);
      expect((await row(user.sessionId)).counter).toBe(1);
      await successor(next);
    });

    it('gives 40 requests at once the same new token, and moves the counter once', async () => {
      for (let round = 0; round < 5; round += 1) {
        const user = await app.signUp();
        const answers = await Promise.all(Array.from({ length: 40 }, () => refresh(user.refreshToken)));
        expect(answers.map((answer) => answer.status)).toEqual(Array(40).fill(200));
        const successors = new Set(answers.map((answer) => answer.body.refresh_token));
        expect(successors.size).toBe(1);
        expect(successors).not.toContain(user.refreshToken);
        expect((await row(user.sessionId)).counter).toBe(1);
        expect((await open(answers[39]?.body.access_token)).status).toBe(200);
      }
    });

    it('does not extend the grace period', async () => {
      const user = await app.signUp();
      await successor(user.refreshToken);
      await lastRefreshedAgo(user.sessionId, 20);
      const { rotatedAt } = await row(user.sessionId);
      await successor(user.refreshToken);
      expect((await row(user.sessionId)).rotatedAt).toEqual(rotatedAt);
    });

    it('counts as token theft after the grace period: the session ends for both holders (ASVS 10.4.5)', async () => {
      const user = await app.signUp();
      const { username, password } = user;
      const { body: other } = await app.http.post('/auth/login').send({ username, password });
      const { body: current } = await refresh(user.refreshToken);
      await lastRefreshedAgo(user.sessionId, 31);

      const reused = await refresh(user.refreshToken);
      expect([reused.status, reused.body.code]).toEqual([401, 'refresh_token_reused']);
      expect(reused.headers['www-authenticate']).toMatch(
        /^Bearer realm="gatelatch", error="invalid_token", error_desc/,
      );
      expect(await outcome(user.refreshToken)).toEqual(refused('session_revoked'));
      expect(await outcome(current.refresh_token)).toEqual(refused('session_revoked'));
      for (const accessToken of [user.accessToken, current.access_token]) {
        const answer = await open(accessToken);
        expect([answer.status, answer.body.code]).toEqual([401, 'session_revoked']);
      }
      expect((await row(user.sessionId)).endReason).toBe('refresh_token_reused');

      expect((await open(other.access_token)).status).toBe(200);
      await successor(other.refresh_token);
    });

    it('counts as token theft at once if REFRESH_GRACE is 0', async () => {
      const strict = await startAppForTest({ REFRESH_GRACE: '0' });
      const user = await strict.signUp();
      const ask = () => strict.http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
      expect((await ask()).status).toBe(200);
      expect((await ask()).body.code).toBe('refresh_token_reused');
    });

    it('counts as one theft if 20 requests come at once after the grace period: the others get session_revoked', async () => {
      const user = await app.signUp();
      await successor(user.refreshToken);
      await lastRefreshedAgo(user.sessionId, 31);
      const codes = (await Promise.all(Array.from({ length: 20 }, () => outcome(user.refreshToken)))).map(
        ({ code }) => code,
      );
      expect(codes.filter((code) => code === 'refresh_token_reused')).toHaveLength(1);
      expect(codes.filter((code) => code === 'session_revoked')).toHaveLength(19);
      expect(await app.deps.db.revocation.count({ where: { sessionId: user.sessionId } })).toBe(1);
    });
  });

  it('with a token older than the one just replaced counts as token theft at once', async () => {
    const user = await app.signUp();
    const current = await successor(await successor(user.refreshToken));
    expect(await outcome(user.refreshToken)).toEqual(refused('refresh_token_reused'));
    expect(await outcome(current)).toEqual(refused('session_revoked'));
  });

  describe('within the lifetimes', () => {
    it('works until REFRESH_TOKEN_TTL has passed without a refresh (ASVS 7.3.1)', async () => {
      const user = await app.signUp();
      await lastRefreshedAgo(user.sessionId, 30 * day - 5);
      const next = await successor(user.refreshToken);
      // A session may live up to an hour longer, so that not all sessions of a day end at once.
      await lastRefreshedAgo(user.sessionId, 30 * day + 3601);
      expect(await outcome(next)).toEqual(refused('invalid_refresh_token'));
      expect(await outcome(user.refreshToken)).toEqual(refused('invalid_refresh_token'));
    });

    it('works until SESSION_MAX_AGE has passed, however often the session was refreshed (ASVS 7.3.2, 10.4.8)', async () => {
      const user = await app.signUp();
      await begunAgo(user.sessionId, 90 * day - 5);
      const next = await successor(user.refreshToken);
      await begunAgo(user.sessionId, 90 * day + 1);
      expect(await outcome(next)).toEqual(refused('invalid_refresh_token'));
      expect(await outcome(user.refreshToken)).toEqual(refused('invalid_refresh_token'));
    });

    it('says what is really left: the shorter of the two', async () => {
      const user = await app.signUp();
      await begunAgo(user.sessionId, 90 * day - 1000);
      const { body } = await refresh(user.refreshToken);
      expect(body.refresh_expires_in).toBeGreaterThan(990);
      expect(body.refresh_expires_in).toBeLessThanOrEqual(1000);
    });

    it('fails for an idle session, whose access token still works until it expires', async () => {
      const user = await app.signUp();
      await lastRefreshedAgo(user.sessionId, 31 * day);
      await outcome(user.refreshToken);
      expect((await open(user.accessToken)).status).toBe(200);
    });
  });

  describe('after a restored backup or a failover', () => {
    it('accepts a token that is ahead of the stored state, and continues from there', async () => {
      const user = await app.signUp();
      const first = await successor(user.refreshToken);
      const second = await successor(first);
      await app.deps.db.$executeRaw`UPDATE session SET counter = 0 WHERE id = ${user.sessionId}::uuid`;
      const third = await successor(second);
      expect((await row(user.sessionId)).counter).toBe(3);
      expect(await successor(second)).toBe(third);
      expect(await outcome(first)).toEqual(refused('refresh_token_reused'));
    });

    it('gives 20 requests at once with a token that is ahead the same new token', async () => {
      const user = await app.signUp();
      const ahead = await successor(await successor(user.refreshToken));
      await app.deps.db.$executeRaw`UPDATE session SET counter = 0 WHERE id = ${user.sessionId}::uuid`;
      expect(new Set(await Promise.all(Array.from({ length: 20 }, () => successor(ahead)))).size).toBe(1);
    });
  });

  describe('with a token that is not ours', () => {
    /** Expects that all are refused without a query, and that the session of the user goes on. */
    async function expectRefusedUnasked(user: SignedUp, tokens: string[]): Promise<void> {
      app.statements.length = 0;
      for (const token of tokens) expect(await outcome(token), token).toEqual(refused('invalid_refresh_token'));
      expect(app.statements).toEqual([]);
      await successor(user.refreshToken);
      expect((await open(user.accessToken)).status).toBe(200);
    }

    it('is refused if any single character was changed', async () => {
      const user = await app.signUp();
      const changed = [...user.refreshToken].map(
        (char, n) => user.refreshToken.slice(0, n) + (char === 'A' ? 'B' : 'A') + user.refreshToken.slice(n + 1),
      );
      await expectRefusedUnasked(user, changed);
    });

    it('is refused if the token is cut, longer, spelled differently, empty or junk', async () => {
      const user = await app.signUp();
      const good = user.refreshToken;
      app.secrets.exempt(user.sessionId);
      await expectRefusedUnasked(user, [
        ...[1, 2, 3, 4, 50, 103].map((length) => good.slice(0, -length)),
        good.slice(1),
        ...['A', 'AAAA', '=', '\n', ' ', '.', '\0'].map((suffix) => good + suffix),
        ` ${good}`,
        `Bearer ${good}`,
        good.toUpperCase(),
        good + good,
        '',
        ' ',
        'null',
        'undefined',
        'A'.repeat(104),
        '_'.repeat(104),
        '💥'.repeat(26),
        user.accessToken.slice(0, 104),
        user.deviceToken,
        user.sessionId,
      ]);
    });

    it('is refused if another deployment made the token', async () => {
      const elsewhere = await startAppForTest();
      const stranger = await elsewhere.signUp();
      await expectRefusedUnasked(await app.signUp(), [stranger.refreshToken]);
    });

    it.each([null, 7, true, ['x'], { not: '' }])('answers 422 if the token is %j instead of text', async (value) => {
      app.statements.length = 0;
      const { status, body } = await refresh(value);
      expect([status, body.code, body.errors[0].path]).toEqual([422, 'validation_failed', 'refresh_token']);
      expect(app.statements).toEqual([]);
    });
  });

  it('is refused if the user was deleted', async () => {
    const user = await app.signUp();
    await app.deps.db.user.delete({ where: { id: user.userId } });
    const { status, code } = await outcome(user.refreshToken);
    expect([status, ['session_revoked', 'invalid_refresh_token'].includes(code)]).toEqual([401, true]);
  });

  it('is refused if the user was disabled', async () => {
    const user = await app.signUp();
    await app.deps.db.$executeRaw`UPDATE "user" SET disabled_at = now() WHERE id = ${user.userId}::uuid`;
    expect((await outcome(user.refreshToken)).status).toBe(401);
  });

  describe('by cookie or body:', () => {
    const cookiesOf = ({ accessToken, refreshToken }: SignedUp) =>
      `access_token=${accessToken}; refresh_token=${refreshToken}`;

    it('a token from a cookie is answered with cookies', async () => {
      const user = await app.signUp();
      const answer = await app.http.post('/auth/refresh').set('Cookie', cookiesOf(user)).set('Origin', ownOrigin);
      expect(answer.status).toBe(200);
      expect(answer.text).not.toMatch(/(access|refresh|device)_token"/);
      const cookies = answer.get('Set-Cookie') ?? [];
      expect(cookies.map((cookie) => cookie.split('=', 1)[0]).sort()).toEqual(['access_token', 'refresh_token']);
      const next = /^refresh_token=([\w-]+);/.exec(cookies.find((cookie) => cookie.startsWith('refresh')) ?? '')?.[1];
      expect(await successor(user.refreshToken)).toBe(next);
    });

    it('the token in the body is used if both have one', async () => {
      const [inBody, inCookie] = [await app.signUp(), await app.signUp()];
      const answer = await refresh(inBody.refreshToken).set('Cookie', cookiesOf(inCookie)).set('Origin', ownOrigin);
      expect([answer.status, answer.body.session_id]).toEqual([200, inBody.sessionId]);
      expect(answer.headers).not.toHaveProperty('set-cookie');
      expect((await row(inCookie.sessionId)).counter).toBe(0);
    });

    it('the token in the body is used even if it is invalid: the cookie is not tried', async () => {
      const user = await app.signUp();
      const answer = await refresh('junk').set('Cookie', cookiesOf(user)).set('Origin', ownOrigin);
      expect([answer.status, answer.body.code]).toEqual([401, 'invalid_refresh_token']);
      expect((await row(user.sessionId)).counter).toBe(0);
    });

    it('the body may name the transport, but another one than the token came by gets 422', async () => {
      const user = await app.signUp();
      const byCookie = (transport: string) =>
        app.http.post('/auth/refresh').set('Cookie', cookiesOf(user)).set('Origin', ownOrigin).send({ transport });
      const byBody = (transport: string) =>
        app.http.post('/auth/refresh').set('Origin', ownOrigin).send({ refresh_token: user.refreshToken, transport });
      for (const wrong of [await byCookie('bearer'), await byBody('cookie')])
        expect([wrong.status, wrong.body.errors[0].path]).toEqual([422, 'transport']);
      expect((await row(user.sessionId)).counter).toBe(0);
      for (const right of [await byCookie('cookie'), await byBody('bearer')]) expect(right.status).toBe(200);
    });

    it('a token in the query is refused', async () => {
      const user = await app.signUp();
      for (const body of [{}, { refresh_token: user.refreshToken }]) {
        const answer = await app.http.post('/auth/refresh').query({ refresh_token: user.refreshToken }).send(body);
        expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
      }
      expect((await row(user.sessionId)).counter).toBe(0);
    });

    it('an access token is refused here, and a refresh token is refused as an access token (RFC 8725 §3.12)', async () => {
      const user = await app.signUp();
      expect(await outcome(user.accessToken)).toEqual(refused('invalid_refresh_token'));
      const byHeader = await app.http.post('/auth/refresh').set(user.bearer);
      expect([byHeader.status, byHeader.body.code]).toEqual([401, 'unauthenticated']);
      expect((await open(user.refreshToken)).body.code).toBe('invalid_token');
    });
  });

  it.each([[undefined], [{}]])('answers 401 unauthenticated if there is no token, with the body %j', async (body) => {
    app.statements.length = 0;
    const answer = await app.http.post('/auth/refresh').send(body);
    expect([answer.status, answer.body.code]).toEqual([401, 'unauthenticated']);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="gatelatch"');
    expect(app.statements).toEqual([]);
  });

  it('leaves no token, nonce or password readable in the database', async () => {
    const own = await startAppForTest();
    const user = await own.signUp();
    const { body } = await own.http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
    const tables = await own.deps.db.$queryRaw<{ name: string }[]>`
      SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`;
    let dump = '';
    for (const { name } of tables)
      for (const { line } of await own.deps.db.$queryRawUnsafe<{ line: string }[]>(
        `SELECT to_jsonb(t)::text AS line FROM "${name}" t`,
      ))
        dump += `${line}\n`;
    expect(dump).toContain(user.userId);
    expect(dump).toMatch(/"nonce_hash": "\\\\x[\da-f]{64}"/);

    const secrets = [goodPassword, user.deviceToken];
    for (const token of [user.refreshToken, body.refresh_token, user.accessToken, body.access_token])
      secrets.push(token, token.slice(-43));
    const nonce = openRefreshToken(own.deps.keys, user.refreshToken)?.nonce ?? Buffer.alloc(0);
    expect(nonce).toHaveLength(16);
    const mac = Buffer.from(user.refreshToken, 'base64url').subarray(-32);
    for (const bytes of [nonce, mac])
      secrets.push(
        bytes.toString('hex'),
        bytes.toString('base64').slice(0, 20),
        bytes.toString('base64url').slice(0, 20),
      );
    for (const secret of secrets) expect(dump).not.toContain(secret);
  });
});
