import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { altered } from '../support/altered.js';
import { goodPassword, type SignedUp, startApp, type TestApp } from '../support/app.js';
import { lendDatabase } from '../support/lent-databases.js';

const ownOrigin = 'http://localhost:3000';

describe('logging in', () => {
  let app: TestApp;
  let ada: SignedUp;
  beforeAll(async () => {
    app = await startApp();
    ada = await app.signUp({ username: 'Ada.Lovelace', email: 'Ada@Analytical.example' });
  });
  afterAll(() => app.stop());

  const logIn = (fields: Record<string, unknown> = {}, on = app) =>
    on.http.post('/auth/login').send({ username: 'Ada.Lovelace', password: goodPassword, ...fields });

  it('answers 200 with a complete token response, of the same shape as after a sign-up', async () => {
    const { status, body, headers } = await logIn();
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 900,
      refresh_token: expect.any(String),
      refresh_expires_in: 2_592_000,
      scope: 'profile:read todos:read todos:write',
      session_id: expect.any(String),
      acr: 'aal1',
      amr: ['pwd'],
      auth_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      device_token: expect.any(String),
      user: {
        id: ada.userId,
        kind: 'person',
        username: 'Ada.Lovelace',
        email: 'Ada@Analytical.example',
        email_verified: false,
        roles: [],
        created_at: expect.any(String),
        updated_at: expect.any(String),
      },
    });
  });

  it.each([
    'Ada.Lovelace',
    'ada.lovelace',
    'ADA.LOVELACE',
    'Ada@Analytical.example',
    'ada@analytical.EXAMPLE',
    // Keyboards of phones add a space after a word that they complete.
    'Ada.Lovelace ',
    ' ada@analytical.example\u00a0',
  ])('accepts %j as the name of the user', async (username) => {
    const { status, body } = await logIn({ username });
    expect([status, body.user?.id]).toEqual([200, ada.userId]);
  });

  it.each(['ada', 'Ada.Lovelac', 'Ada. Lovelace', 'ada@analytical', '%', 'a_a.lovelace', 'Ada.Love\0lace'])(
    'does not accept %j as the name of the user',
    async (username) => {
      const { status, body } = await logIn({ username });
      expect([status, body.code]).toEqual([401, 'invalid_credentials']);
    },
  );

  it('takes at most three statements (ASVS 13.1.3)', async () => {
    app.statements.length = 0;
    await logIn();
    expect(app.statements.filter((sql) => !/^(BEGIN|COMMIT)/.test(sql)).length).toBeLessThanOrEqual(3);
  });

  it('gives exactly the same response for an unknown user and a wrong password (ASVS 6.3.8)', async () => {
    const answers = await Promise.all([
      logIn({ password: 'not the password of anybody' }),
      logIn({ username: 'ada@analytical.example', password: 'not the password of anybody' }),
      logIn({ username: 'nobody.here', password: 'not the password of anybody' }),
      logIn({ username: 'nobody@here.example', password: 'not the password of anybody' }),
      logIn({ username: 'k\u212Ae \0', password: 'not the password of anybody' }),
      logIn({ password: 'x' }),
    ]);
    const seen = answers.map(({ status, headers, text }) => {
      const { 'x-request-id': id, date: _date, ...others } = headers;
      return { status, headers: others, text: text.replace(String(id), '<id>') };
    });
    expect(seen[0]).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer realm="gatelatch"' } });
    expect(JSON.parse(seen[0]?.text ?? '')).toMatchObject({ code: 'invalid_credentials', request_id: '<id>' });
    for (const other of seen) expect(other).toEqual(seen[0]);
  });

  describe('passwords', () => {
    it.each([
      ` ${goodPassword}`,
      `${goodPassword} `,
      `${goodPassword}\n`,
      `${goodPassword}\0`,
      `${goodPassword}\0more`,
      goodPassword.slice(0, -1),
      goodPassword.toUpperCase(),
      goodPassword.replace(' ', ''),
      goodPassword.replace(' ', '\u00a0'),
      `${goodPassword}\u200b`,
      goodPassword.replace('o', '\uFF4F'),
    ])('are compared exactly: %j is refused (ASVS 6.2.8)', async (password) => {
      const { status, body } = await logIn({ password });
      expect([status, body.code]).toEqual([401, 'invalid_credentials']);
    });

    it('are not cut: one of 100 bytes needs its last byte', async () => {
      const password = Array.from({ length: 25 }, (_, n) => `w${n}.`).join(' ');
      const { username } = await app.signUp({ password });
      expect((await logIn({ username, password })).status).toBe(200);
      expect((await logIn({ username, password: `${password.slice(0, -1)}!` })).status).toBe(401);
    });

    it('can be typed with decomposed accents if they were set with composed ones', async () => {
      const password = 'crème brûlée à la façon d’Zoë';
      const { username } = await app.signUp({ password });
      expect((await logIn({ username, password: password.normalize('NFD') })).status).toBe(200);
    });

    it('with half of a surrogate pair are wrong passwords, not errors', async () => {
      expect((await logIn({ password: 'correct \ud800 horse battery' })).status).toBe(401);
    });

    it('can be shorter than the policy allows, because it applies to new ones only', async () => {
      const { username, userId } = await app.signUp();
      await app.deps.db.user.update({
        where: { id: userId },
        data: { passwordHash: await app.deps.passwords.hash('pw') },
      });
      expect((await logIn({ username, password: 'pw' })).status).toBe(200);
    });

    it('whose stored hash is damaged never match, and cause no error (ASVS 11.2.5)', async () => {
      const { username, userId } = await app.signUp();
      for (const passwordHash of [
        goodPassword,
        '',
        'x',
        '$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA',
      ]) {
        await app.deps.db.user.update({ where: { id: userId }, data: { passwordHash } });
        expect((await logIn({ username })).body.code, passwordHash).toBe('invalid_credentials');
      }
    });
  });

  describe('refuses input', () => {
    it('with a password or username in the query, even next to a valid body', async () => {
      for (const query of [{ password: goodPassword }, { username: 'ada.lovelace' }, { username: '', password: '' }]) {
        const { status, body } = await logIn().query(query);
        expect([status, body.code]).toEqual([400, 'invalid_request']);
      }
      const bare = await app.http
        .post('/auth/login')
        .query({ username: 'ada.lovelace', password: goodPassword })
        .send({});
      expect(bare.status).toBe(400);
    });

    it.each([
      ['username', { not: '' }],
      ['username', { contains: 'ada' }],
      ['username', ['ada.lovelace']],
      ['username', null],
      ['username', undefined],
      ['username', 1],
      ['username', ''],
      ['password', { not: '' }],
      ['password', [goodPassword]],
      ['password', null],
      ['password', undefined],
      ['password', true],
      ['password', ''],
      ['transport', 'carrier pigeon'],
      ['device_token', { not: '' }],
      ['userId', '1'],
      ['email', 'ada@analytical.example'],
    ])('with the field %s: %j', async (field, value) => {
      app.statements.length = 0;
      const { status, body } = await logIn({ [field]: value });
      expect([status, body.code, body.errors[0].path]).toEqual([422, 'validation_failed', field]);
      expect(app.statements).toEqual([]);
    });
  });

  describe('by a disabled user', () => {
    it('is answered with account_disabled only after the right password, and starts no session', async () => {
      const { username, userId } = await app.signUp();
      await app.deps.db.$executeRaw`UPDATE "user" SET disabled_at = now() WHERE id = ${userId}::uuid`;
      const right = await logIn({ username });
      expect([right.status, right.body.code]).toEqual([403, 'account_disabled']);
      expect(right.text).not.toMatch(/token"/);
      const wrong = await logIn({ username, password: 'wrong' });
      expect([wrong.status, wrong.body.code]).toEqual([401, 'invalid_credentials']);
      expect(await app.deps.db.session.count({ where: { userId } })).toBe(1);
    });
  });

  describe('sessions', () => {
    it('are new for each login, with other tokens (ASVS 7.2.2, 7.2.4)', async () => {
      const [first, second] = await Promise.all([logIn(), logIn()]);
      for (const field of ['access_token', 'refresh_token', 'session_id'])
        expect(first?.body[field]).not.toBe(second?.body[field]);
      const refreshed = await app.http.post('/auth/refresh').send({ refresh_token: first?.body.refresh_token });
      expect(refreshed.body.session_id).toBe(first?.body.session_id);
    });

    it('are those of the user who logs in, and cookies that an attacker planted are ignored', async () => {
      const eve = await app.signUp();
      const planted = [`refresh_token=${eve.refreshToken}`, `access_token=${eve.accessToken}`, 'session=1', 'sid=1'];
      const answer = await logIn({ transport: 'cookie' }).set('Cookie', planted.join('; ')).set('Origin', ownOrigin);
      expect(answer.status).toBe(200);
      expect(answer.body.session_id).not.toBe(eve.sessionId);
      const cookies = (answer.get('Set-Cookie') ?? []).map((cookie) => cookie.split(';', 1)[0] ?? '');
      expect(cookies).toHaveLength(3);
      for (const cookie of cookies) expect(planted).not.toContain(cookie);
      expect((await app.http.get('/me').set('Cookie', cookies)).body.id).toBe(ada.userId);
      const evesView = await app.http.post('/auth/refresh').send({ refresh_token: eve.refreshToken });
      expect(evesView.body.user.id).toBe(eve.userId);
    });

    it('remember the address and browser of the login', async () => {
      const { body } = await logIn().set('User-Agent', 'A Browser\u00e9/1.0');
      const row = await app.deps.db.session.findUniqueOrThrow({ where: { id: body.session_id } });
      expect(row).toMatchObject({
        ip: expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
        userAgent: expect.stringMatching(/^A Browser/),
      });
    });

    it('return a known device its own token, and an unknown one a new token', async () => {
      expect((await logIn({ device_token: ada.deviceToken })).body.device_token).toBe(ada.deviceToken);
      const eve = await app.signUp();
      for (const device_token of [eve.deviceToken, 'forged', altered(ada.deviceToken)]) {
        const answer = await logIn({ device_token });
        expect([answer.status, typeof answer.body.device_token]).toEqual([200, 'string']);
        expect(answer.body.device_token).not.toBe(device_token);
      }
    });
  });

  it('answers 20 right logins at once with 200 each', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => logIn()));
    expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(200));
    expect(new Set(answers.map((answer) => answer.body.session_id)).size).toBe(20);
  });

  describe('after PASSWORD_HASH was raised', () => {
    /** Serves the same database before and after the setting changes. */
    async function raised(before: string, after: string) {
      const database = await lendDatabase();
      onTestFinished(() => database.drop());
      const cheap = await startApp({ PASSWORD_HASH: before }, { database });
      const user = await cheap.signUp({ username: 'old-hand' });
      await cheap.stop();
      const dear = await startApp({ PASSWORD_HASH: after }, { database });
      // Runs before the database is dropped: the last hook registered is the first to run.
      onTestFinished(() => dear.stop());
      const costOf = async () =>
        /\$m=\d+,t=\d+,p=\d+\$/.exec(
          `${(await dear.deps.db.user.findUniqueOrThrow({ where: { id: user.userId } })).passwordHash}`,
        )?.[0];
      return { dear, costOf };
    }

    it('the next right login stores a new hash, and a wrong one does not (ASVS 11.2.2)', async () => {
      const { dear, costOf } = await raised('m=1024,t=1,p=1', 'm=2048,t=2,p=1');
      expect((await logIn({ username: 'old-hand', password: 'wrong' }, dear)).status).toBe(401);
      expect(await costOf()).toBe('$m=1024,t=1,p=1$');
      expect((await logIn({ username: 'old-hand' }, dear)).status).toBe(200);
      expect(await costOf()).toBe('$m=2048,t=2,p=1$');
      expect((await logIn({ username: 'old-hand' }, dear)).status).toBe(200);
      expect((await logIn({ username: 'old-hand', password: 'wrong' }, dear)).status).toBe(401);
    });

    it('20 right logins at once all succeed', async () => {
      const { dear, costOf } = await raised('m=1024,t=1,p=1', 'm=4096,t=2,p=1');
      const answers = await Promise.all(Array.from({ length: 20 }, () => logIn({ username: 'old-hand' }, dear)));
      expect(answers.map((answer) => answer.status)).toEqual(Array(20).fill(200));
      expect(await costOf()).toBe('$m=4096,t=2,p=1$');
    });

    it('an older hash of higher cost stays as it is', async () => {
      const { dear, costOf } = await raised('m=4096,t=1,p=1', 'm=1024,t=1,p=1');
      expect((await logIn({ username: 'old-hand' }, dear)).status).toBe(200);
      expect(await costOf()).toBe('$m=4096,t=1,p=1$');
    });
  });
});
