import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { altered } from '../support/altered.js';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { lendDatabase } from '../support/lent-databases.js';
import { say } from '../support/raw-http.js';

const ownOrigin = 'http://localhost:3000';

describe('logging out', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());
  afterEach(() => {
    vi.useRealTimers();
  });

  const logOut = (on = app) => on.http.post('/auth/logout');
  const refresh = (refreshToken: string, on = app) =>
    on.http.post('/auth/refresh').send({ refresh_token: refreshToken });
  const open = (accessToken: string, on = app) => on.http.get('/welcome').set('Authorization', `Bearer ${accessToken}`);
  const logIn = ({ username, password }: SignedUp) => app.http.post('/auth/login').send({ username, password });
  const cookiesCleared = (answer: { get(name: 'Set-Cookie'): string[] | undefined }) => answer.get('Set-Cookie') ?? [];

  /** Expects that no token of the session works any more. */
  async function expectEnded(tokens: { accessToken: string; refreshToken: string }, on = app): Promise<void> {
    const opened = await open(tokens.accessToken, on);
    expect([opened.status, opened.body.code]).toEqual([401, 'session_revoked']);
    const refreshed = await refresh(tokens.refreshToken, on);
    expect([refreshed.status, refreshed.body.code]).toEqual([401, 'session_revoked']);
  }

  async function expectAlive(tokens: { accessToken: string; refreshToken: string }): Promise<void> {
    expect((await open(tokens.accessToken)).status).toBe(200);
    expect((await refresh(tokens.refreshToken)).status).toBe(200);
  }

  describe('with an access token', () => {
    it('answers 204 and ends that session at once, and no other (ASVS 7.4.1)', async () => {
      const user = await app.signUp();
      const other = (await logIn(user)).body;
      expect((await open(user.accessToken)).status).toBe(200);
      const answer = await logOut().set(user.bearer);
      expect([answer.status, answer.text]).toEqual([204, '']);
      await expectEnded(user);
      await expectAlive({ accessToken: other.access_token, refreshToken: other.refresh_token });
    });

    it('takes the empty body that some clients send in chunks, and refuses one with something in it', async () => {
      const user = await app.signUp();
      const head = (type: string) =>
        `POST /auth/logout HTTP/1.1\r\nHost: x\r\nAuthorization: ${user.bearer.Authorization}\r\nTransfer-Encoding: chunked\r\n${type}Connection: close\r\n\r\n`;
      const refused = await say(app, head(''), '2\r\n{}\r\n0\r\n\r\n');
      expect([refused.status, refused.body]).toEqual([
        415,
        expect.objectContaining({ code: 'unsupported_media_type' }),
      ]);
      expect((await open(user.accessToken)).status).toBe(200);
      expect((await say(app, head(''), '0\r\n\r\n')).status).toBe(204);
      await expectEnded(user);
      for (const type of ['application/json', 'text/plain'])
        expect((await say(app, head(`Content-Type: ${type}\r\n`), '0\r\n\r\n')).status).toBe(204);
    });

    it('makes later challenges say that the token is invalid (RFC 6750 §3.1)', async () => {
      const user = await app.signUp();
      await logOut().set(user.bearer);
      expect((await open(user.accessToken)).headers['www-authenticate']).toMatch(
        /^Bearer realm="gatelatch", error="invalid_token", error_description="[\w ]+"$/,
      );
    });

    it('makes every access token of the session invalid, also those from before a refresh', async () => {
      const user = await app.signUp();
      const { body: second } = await refresh(user.refreshToken);
      await logOut().set('Authorization', `Bearer ${second.access_token}`);
      await expectEnded(user);
      await expectEnded({ accessToken: second.access_token, refreshToken: second.refresh_token });
    });

    it('works if the access token has expired', async () => {
      const user = await app.signUp();
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 901_000 });
      expect((await open(user.accessToken)).body.code).toBe('token_expired');
      expect((await logOut().set(user.bearer)).status).toBe(204);
      expect((await refresh(user.refreshToken)).body.code).toBe('session_revoked');
    });

    it('works again if the session has already ended', async () => {
      const user = await app.signUp();
      for (const _time of ['first', 'second']) expect((await logOut().set(user.bearer)).status).toBe(204);
      expect(await app.deps.db.revocation.count({ where: { sessionId: user.sessionId } })).toBe(1);
    });

    it('works if the access token is in the cookie', async () => {
      const user = await app.signUp();
      const answer = await logOut().set('Cookie', `access_token=${user.accessToken}`).set('Origin', ownOrigin);
      expect(answer.status).toBe(204);
      await expectEnded(user);
    });
  });

  describe('with a refresh token', () => {
    it.each([undefined, {}])('works by cookie, without an access token, with the body %j', async (body) => {
      const user = await app.signUp();
      const answer = await logOut()
        .set('Cookie', `refresh_token=${user.refreshToken}`)
        .set('Origin', ownOrigin)
        .send(body);
      expect(answer.status).toBe(204);
      await expectEnded(user);
    });

    it('works with the current one in the body', async () => {
      const user = await app.signUp();
      expect((await logOut().send({ refresh_token: user.refreshToken })).status).toBe(204);
      await expectEnded(user);
    });

    it('works with one in the body that was replaced long ago, and does not count as token theft', async () => {
      const user = await app.signUp();
      const { body: second } = await refresh(user.refreshToken);
      await refresh(second.refresh_token);
      expect((await logOut().send({ refresh_token: user.refreshToken })).status).toBe(204);
      await expectEnded(user);
      const { endReason } = await app.deps.db.session.findUniqueOrThrow({ where: { id: user.sessionId } });
      expect(endReason).toBe('logout');
    });

    it('works with one in the body whose session has already ended', async () => {
      const user = await app.signUp();
      for (const _time of ['first', 'second'])
        expect((await logOut().send({ refresh_token: user.refreshToken })).status).toBe(204);
    });

    it('works with one in the body whose session and user are gone', async () => {
      const user = await app.signUp();
      await app.deps.db.user.delete({ where: { id: user.userId } });
      expect((await logOut().send({ refresh_token: user.refreshToken })).status).toBe(204);
    });

    it('in the body ends the session of that token, not the one of the access token in the header', async () => {
      const [inHeader, inBody] = [await app.signUp(), await app.signUp()];
      expect((await logOut().set(inHeader.bearer).send({ refresh_token: inBody.refreshToken })).status).toBe(204);
      await expectEnded(inBody);
      await expectAlive(inHeader);
    });
  });

  it('clears both token cookies with the attributes they were set with, and keeps the device cookie (ASVS 14.3.1)', async () => {
    const user = await app.signUp();
    const answer = await logOut()
      .set('Cookie', `access_token=${user.accessToken}; refresh_token=${user.refreshToken}; device=${user.deviceToken}`)
      .set('Origin', ownOrigin);
    expect(answer.status).toBe(204);
    expect(cookiesCleared(answer)).toEqual([
      'access_token=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax',
      'refresh_token=; Path=/auth; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax',
    ]);
  });

  describe('refuses', () => {
    it('a request without any token', async () => {
      const answer = await logOut();
      expect([answer.status, answer.body.code]).toEqual([401, 'unauthenticated']);
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="gatelatch"');
    });

    it('a forged access token, and ends nothing', async () => {
      const user = await app.signUp();
      const [header, payload, signature = ''] = user.accessToken.split('.');
      const forged = [
        `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
        `${header}.${payload}.`,
        `${user.accessToken} more`,
        'junk',
      ];
      app.statements.length = 0;
      for (const token of forged) {
        const answer = await logOut().set('Authorization', `Bearer ${token}`);
        expect([answer.status, answer.body.code], token).toEqual([401, 'invalid_token']);
      }
      expect(app.statements).toEqual([]);
      await expectAlive(user);
    });

    it('a forged refresh token, even next to a valid access token, and ends nothing', async () => {
      const user = await app.signUp();
      const forged = altered(user.refreshToken);
      for (const refresh_token of [forged, 'junk', '']) {
        const answers = [
          await logOut().send({ refresh_token }),
          await logOut().set(user.bearer).send({ refresh_token }),
        ];
        for (const answer of answers) expect([answer.status, answer.body.code]).toEqual([401, 'invalid_refresh_token']);
      }
      const byCookie = await logOut().set('Cookie', `refresh_token=${forged}`).set('Origin', ownOrigin);
      expect(byCookie.status).toBe(401);
      await expectAlive(user);
    });

    it('a refresh token in the query', async () => {
      const user = await app.signUp();
      const answer = await logOut().query({ refresh_token: user.refreshToken });
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
      await expectAlive(user);
    });

    it('a page of another site that sends the cookies', async () => {
      const user = await app.signUp();
      const cookies = `access_token=${user.accessToken}; refresh_token=${user.refreshToken}`;
      for (const headers of [
        { Origin: 'https://evil.example' },
        { Origin: 'null' },
        { 'Sec-Fetch-Site': 'cross-site' },
        {},
      ]) {
        const answer = await logOut()
          .set('Cookie', cookies)
          .set(headers as Record<string, string>);
        expect([answer.status, answer.body.code]).toEqual([403, 'csrf_rejected']);
      }
      await expectAlive(user);
    });

    it('a page of another site that sends a junk token in the query next to the cookies', async () => {
      const own = await startAppForTest({ ACCESS_TOKEN_SOURCES: 'bearer,cookie,query', COOKIE_SAMESITE: 'none' });
      const user = await own.signUp();
      const answer = await logOut(own)
        .query({ access_token: 'worthless' })
        .set('Cookie', `refresh_token=${user.refreshToken}`)
        .set('Origin', 'https://evil.example');
      expect([answer.status, answer.body.code]).toEqual([401, 'invalid_token']);
      expect((await refresh(user.refreshToken, own)).status).toBe(200);
    });

    it('no expired access token, but the other endpoints do', async () => {
      const user = await app.signUp();
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 901_000 });
      for (const path of ['/me', '/welcome', '/todos']) {
        const answer = await app.http.get(path).set(user.bearer);
        expect([answer.status, answer.body.code]).toEqual([401, 'token_expired']);
      }
    });
  });

  describe('lasts', () => {
    it('over a restart of the server on the same database (D30, E-C5)', async () => {
      const database = await lendDatabase();
      onTestFinished(() => database.drop());
      const before = await startApp({}, { database });
      const [gone, still] = [await before.signUp(), await before.signUp()];
      const { body: second } = await refresh(gone.refreshToken, before);
      await logOut(before).set(gone.bearer);
      await before.stop();

      const after = await startApp({}, { database });
      onTestFinished(() => after.stop());
      await expectEnded(gone, after);
      await expectEnded({ accessToken: second.access_token, refreshToken: second.refresh_token }, after);
      expect((await open(still.accessToken, after)).status).toBe(200);
    });

    it('over a restart also where the user was deleted and the session purged meanwhile', async () => {
      const database = await lendDatabase();
      onTestFinished(() => database.drop());
      const before = await startApp({}, { database });
      const user = await before.signUp();
      await logOut(before).set(user.bearer);
      await before.deps.db.user.delete({ where: { id: user.userId } });
      await before.stop();

      const after = await startApp({}, { database });
      onTestFinished(() => after.stop());
      expect((await open(user.accessToken, after)).body.code).toBe('session_revoked');
    });

    it('until the last access token of the session has expired, because the revocation is kept that long', async () => {
      const user = await app.signUp();
      await app.deps.db.$executeRaw`UPDATE session SET access_expires_at = now() WHERE id = ${user.sessionId}::uuid`;
      const { body } = await refresh(user.refreshToken);
      await logOut().set('Authorization', `Bearer ${body.access_token}`);
      const { exp } = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url').toString());
      const [kept] = await app.deps.db.revocation.findMany({ where: { sessionId: user.sessionId } });
      expect(kept?.keepUntil.getTime()).toBeGreaterThanOrEqual(exp * 1000);
    });
  });

  describe('at the same time as', () => {
    it('a refresh leaves no working token of the session, whichever comes first (50 rounds)', async () => {
      const first = await app.signUp();
      for (let round = 0; round < 50; round += 1) {
        const { body } = await logIn(first);
        const tokens = { accessToken: body.access_token, refreshToken: body.refresh_token };
        const racers = [
          () => refresh(tokens.refreshToken),
          () => logOut().set('Authorization', `Bearer ${tokens.accessToken}`),
        ];
        // Each goes first in every second round.
        if (round % 2) racers.reverse();
        const answers = await Promise.all(racers.map((race) => race()));
        if (round % 2) answers.reverse();
        const [refreshed, loggedOut] = answers;
        expect(loggedOut?.status).toBe(204);
        expect([200, 401]).toContain(refreshed?.status);
        await expectEnded(tokens);
        if (refreshed?.status === 200)
          await expectEnded({ accessToken: refreshed.body.access_token, refreshToken: refreshed.body.refresh_token });
      }
    });

    it('a login of the same user ends the old session and keeps the new one (50 rounds)', async () => {
      const user = await app.signUp();
      let tokens = { accessToken: user.accessToken, refreshToken: user.refreshToken };
      for (let round = 0; round < 50; round += 1) {
        const loggingOut = () => logOut().send({ refresh_token: tokens.refreshToken });
        const [loggedIn, loggedOut] =
          round % 2
            ? await Promise.all([logIn(user), loggingOut()])
            : (await Promise.all([loggingOut(), logIn(user)])).toReversed();
        expect([loggedIn?.status, loggedOut?.status]).toEqual([200, 204]);
        await expectEnded(tokens);
        tokens = { accessToken: loggedIn?.body.access_token, refreshToken: loggedIn?.body.refresh_token };
        expect((await open(tokens.accessToken)).status).toBe(200);
      }
    });

    it('19 other logouts answers 204 to all 20, and stores one revocation', async () => {
      const user = await app.signUp();
      const answers = await Promise.all(Array.from({ length: 20 }, () => logOut().set(user.bearer)));
      expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(204));
      expect(await app.deps.db.revocation.count({ where: { sessionId: user.sessionId } })).toBe(1);
    });
  });
});
