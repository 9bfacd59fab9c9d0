import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { outboxEmpty } from '../support/mails.js';

const uuidV7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const ownOrigin = 'http://localhost:3000';

describe('signing up', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  const signUp = (fields: Record<string, unknown>, on = app) =>
    on.http.post('/auth/signup').send({ username: 'somebody', password: goodPassword, ...fields });
  const logIn = (username: string, password: string) => app.http.post('/auth/login').send({ username, password });

  /** The counts that a refused sign-up must not change. */
  const stored = () => app.deps.db.$queryRaw`
    SELECT (SELECT count(*)::int FROM "user") AS users, (SELECT count(*)::int FROM session) AS sessions`;

  it('answers 201 with a complete token response and the user, and nothing else', async () => {
    const answer = await signUp({ username: 'Grace.Hopper_1-x', email: 'Grace@Navy.example' });
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    });
    expect(answer.headers).not.toHaveProperty('set-cookie');
    expect(answer.body).toEqual({
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      token_type: 'Bearer',
      expires_in: 900,
      refresh_token: expect.stringMatching(/^[\w-]{40,}$/),
      refresh_expires_in: 2_592_000,
      scope: 'profile:read todos:read todos:write',
      session_id: expect.stringMatching(uuidV7),
      acr: 'aal1',
      amr: ['pwd'],
      auth_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      device_token: expect.stringMatching(/^[\w-]{40,}$/),
      user: {
        id: expect.stringMatching(uuidV7),
        kind: 'person',
        username: 'Grace.Hopper_1-x',
        email: 'Grace@Navy.example',
        email_verified: false,
        roles: [],
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        updated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      },
    });
    const sinceCreation = Date.now() - Date.parse(answer.body.user.created_at);
    expect(Math.abs(sinceCreation)).toBeLessThan(10_000);
  });

  it('returns tokens that work: the access token on a protected route, the refresh token for a refresh', async () => {
    const { body } = await signUp({ username: 'at-once' });
    const me = await app.http.get('/me').set('Authorization', `Bearer ${body.access_token}`);
    expect(me.body).toEqual(body.user);
    const refreshed = await app.http.post('/auth/refresh').send({ refresh_token: body.refresh_token });
    expect(refreshed.status).toBe(200);
  });

  it('leaves the e-mail empty if none was given', async () => {
    const { body } = await signUp({ username: 'no-mail' });
    expect(body.user).toMatchObject({ email: null, email_verified: false });
  });

  it('makes user and session in one statement, and stores the password as argon2id alone (ASVS 11.4.2)', async () => {
    await outboxEmpty(app);
    app.statements.length = 0;
    const { body } = await signUp({ username: 'one-statement' });
    expect(app.statements).toHaveLength(1);
    const user = await app.deps.db.user.findUniqueOrThrow({ where: { id: body.user.id } });
    expect(user.passwordHash).toMatch(/^\$argon2id\$v=19\$m=1024,t=1,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  });

  it('with transport cookie puts the tokens into HttpOnly cookies, and none of them into the body', async () => {
    const answer = await signUp({ username: 'browser', transport: 'cookie' }).set('Origin', ownOrigin);
    expect(answer.status).toBe(201);
    expect(Object.keys(answer.body).sort()).toEqual([
      'acr',
      'amr',
      'auth_time',
      'expires_in',
      'refresh_expires_in',
      'scope',
      'session_id',
      'token_type',
      'user',
    ]);
    const cookies = answer.get('Set-Cookie') ?? [];
    const named = (name: string) => cookies.find((cookie) => cookie.startsWith(`${name}=`)) ?? '';
    expect(cookies).toHaveLength(3);
    for (const cookie of cookies) expect(cookie).toMatch(/; HttpOnly; SameSite=Lax$/);
    expect(named('access_token')).toMatch(/; Max-Age=2592000; Path=\/;/);
    expect(named('refresh_token')).toMatch(/; Max-Age=2592000; Path=\/auth;/);
    expect(named('device')).toMatch(/; Max-Age=\d{7,}; Path=\/;/);
    const me = await app.http.get('/me').set('Cookie', named('access_token').split(';', 1));
    expect(me.body.username).toBe('browser');
  });

  describe('names', () => {
    it('shows a username as typed, and accepts it once, in any case', async () => {
      expect((await signUp({ username: 'MixedCase' })).body.user.username).toBe('MixedCase');
      for (const username of ['MixedCase', 'mixedcase', 'MIXEDCASE']) {
        const answer = await signUp({ username });
        expect([answer.status, answer.body.code], username).toEqual([409, 'username_taken']);
      }
    });

    it('accepts an e-mail address once, in any case', async () => {
      await signUp({ username: 'first-mail', email: 'One.Mail@Example.com' });
      for (const [n, email] of ['one.mail@example.com', 'ONE.MAIL@EXAMPLE.COM'].entries()) {
        const answer = await signUp({ username: `next-mail-${n}`, email });
        expect([answer.status, answer.body.code], email).toEqual([409, 'email_taken']);
      }
      expect(await app.deps.db.user.count({ where: { usernameKey: { startsWith: 'next-mail' } } })).toBe(0);
    });

    it('answers 50 sign-ups with one username at once with one 201 and 49 times 409, and creates one user', async () => {
      const spellings = ['crowded', 'Crowded', 'CROWDED'];
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) => signUp({ username: spellings[n % spellings.length] })),
      );
      const count = (status: number) => answers.filter((answer) => answer.status === status).length;
      expect([count(201), count(409)]).toEqual([1, 49]);
      expect(answers.filter(({ body }) => body.code === 'username_taken')).toHaveLength(49);
      const users = await app.deps.db.user.findMany({ where: { usernameKey: 'crowded' }, include: { sessions: true } });
      expect(users.map((user) => user.sessions.length)).toEqual([1]);
    });

    it('answers 50 sign-ups with one e-mail address at once with one 201 and 49 times 409', async () => {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, n) => signUp({ username: `mail-crowd-${n}`, email: 'crowd@example.com' })),
      );
      const outcomes = answers.map(({ status, body }) => (status === 201 ? 'made' : body.code));
      expect(outcomes.filter((outcome) => outcome === 'made')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'email_taken')).toHaveLength(49);
      expect(await app.deps.db.user.count({ where: { emailKey: 'crowd@example.com' } })).toBe(1);
    });

    it.each([
      ['ab', 'too short'],
      ['a'.repeat(33), 'too long'],
      ['with space', 'a space'],
      ['ada ', 'a trailing space'],
      ['ada\n', 'a trailing line break'],
      ['ada\0', 'a NUL'],
      ['ada@home', 'an @'],
      ['\u212Aate', 'the Kelvin sign, whose lower case is k'],
      ['d\u0131na', 'a dotless i'],
      ['D\u0130NA', 'a dotted capital I'],
      ['\uFF41\uFF44\uFF41', 'full-width letters'],
      ['\u0430da', 'a Cyrillic a'],
      ['ad\u00ADa', 'a soft hyphen'],
      ['', 'nothing'],
    ])('refuses the username %j: %s', async (username) => {
      const before = await stored();
      const { status, body } = await signUp({ username });
      expect([status, body.code, body.errors[0].path]).toEqual([422, 'validation_failed', 'username']);
      expect(await stored()).toEqual(before);
    });

    it.each([
      '\u212Aate@example.com',
      'd\u0131na@example.com',
      '\uFF41da@example.com',
      'ada\uFF20example.com',
      'ada@ex\u0430mple.com',
      'ada@example.com,eve@example.com',
      'ada@example.com\r\nBcc: eve@example.com',
      'ada@example.com\0',
      ' ada@example.com',
      'Ada <ada@example.com>',
      'ada',
      '@example.com',
      '',
      `${'a'.repeat(250)}@example.com`,
    ])('refuses the e-mail address %j', async (email) => {
      const before = await stored();
      const { status, body } = await signUp({ username: 'odd-mail', email });
      expect([status, body.code, body.errors[0].path]).toEqual([422, 'validation_failed', 'email']);
      expect(await stored()).toEqual(before);
    });

    it('is not slowed down by a very long, awkward e-mail address (ASVS 1.3.12)', { timeout: 10_000 }, async () => {
      for (const email of ['a@'.repeat(20_000), `${'a.'.repeat(20_000)}@b`, `a@${'b-'.repeat(20_000)}`])
        expect((await signUp({ username: 'slow-mail', email })).status).toBe(422);
    });
  });

  describe('passwords', () => {
    const emoji = (count: number) =>
      Array.from({ length: count }, (_, n) => String.fromCodePoint(0x1f300 + n)).join('');
    const accented = 'áéíóúýćńśźĺŕěšč';

    it.each([
      ['too short', 'fourteen chars', /14 characters; at least 15/],
      ['a common one', 'passwordpassword', /common/],
      ['a common one with digits added', 'password12345678', /common/],
      ['made of the username', 'somebody.xq-somebody', /username/],
      ['made of the name of this service', 'gatelatch-gatelatch', /name of this service/],
      ['empty', '', /0 characters/],
      ['half of a surrogate pair', `correct horse \ud800 battery`, /surrogate/],
    ])(
      'refuses a password that is %s, with the reason (ASVS 6.2.1, 6.2.4, 6.2.11)',
      async (_what, password, reason) => {
        const before = await stored();
        const answer = await signUp({ password });
        expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed']);
        expect(answer.body.errors).toEqual([{ path: 'password', message: expect.stringMatching(reason) }]);
        if (password) expect(answer.text).not.toContain(password);
        expect(await stored()).toEqual(before);
      },
    );

    it('refuses a password made of the e-mail address', async () => {
      const { body } = await signUp({
        username: 'mailer',
        email: 'wanderlust@example.com',
        password: 'wanderlust-wanderlust',
      });
      expect(body.errors).toEqual([{ path: 'password', message: expect.stringMatching(/e-mail/) }]);
    });

    it('counts code points: 15 emoji are enough, 14 are not (NIST SP 800-63B-4 §3.1.1.2)', async () => {
      expect((await signUp({ username: 'emoji-14', password: emoji(14) })).status).toBe(422);
      expect((await signUp({ username: 'emoji-15', password: emoji(15) })).status).toBe(201);
      expect((await logIn('emoji-15', emoji(15))).status).toBe(200);
    });

    it('accepts 128 code points and refuses 129; the last one counts (ASVS 6.2.8, 6.2.9)', async () => {
      expect((await signUp({ username: 'long-128', password: emoji(128) })).status).toBe(201);
      expect((await logIn('long-128', emoji(128))).status).toBe(200);
      expect((await logIn('long-128', emoji(127))).status).toBe(401);
      expect((await logIn('long-128', emoji(129))).status).toBe(401);
      const { status, body } = await signUp({ username: 'long-129', password: emoji(129) });
      expect([status, body.errors[0].message]).toEqual([422, expect.stringMatching(/129 characters; at most 128/)]);
    });

    it('counts and compares in NFC, so composed and decomposed accents are the same', async () => {
      const decomposed = accented.normalize('NFD');
      expect([...decomposed]).toHaveLength(30);
      expect((await signUp({ username: 'accents', password: decomposed })).status).toBe(201);
      expect((await logIn('accents', accented)).status).toBe(200);
      const short = [...accented].slice(1).join('').normalize('NFD');
      expect((await signUp({ username: 'accents-14', password: short })).status).toBe(422);
    });

    it.each([
      'alllowercaselettersonly',
      '918273645546372819',
      'spaces  are  characters',
      '   leading and trailing   ',
      'tab\tand\nline break inside',
      '密碼可以是任何語言的一句話啊對吧',
      '<script>alert(1)</script>',
      '\'; DROP TABLE "user"; --',
      'NUL \0 in the middle of it',
    ])('requires no kind of character and accepts %j as it is (ASVS 6.2.5)', async (password) => {
      const { body, status } = await signUp({ username: `any-${Math.random().toString(36).slice(2)}`, password });
      expect(status, JSON.stringify(body)).toBe(201);
      expect((await logIn(body.user.username, password)).status).toBe(200);
    });
  });

  describe('never', () => {
    it.each([
      ['roles', ['admin']],
      ['role', 'admin'],
      ['is_admin', true],
      ['id', '00000000-0000-7000-8000-000000000000'],
      ['email_verified', true],
      ['emailVerifiedAt', '2020-01-01T00:00:00Z'],
      ['password_hash', '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA'],
      ['passwordHash', 'x'],
      ['username_key', 'other'],
      ['version', 7],
      ['disabled', false],
      ['created_at', '2020-01-01T00:00:00Z'],
      ['device_token', 'x'],
    ])('lets the body set %s: the answer is 422 and nothing is stored (ASVS 15.3.3)', async (field, value) => {
      const before = await stored();
      const { status, body } = await signUp({ username: 'climber', [field]: value });
      expect([status, body.code]).toEqual([422, 'validation_failed']);
      expect(body.errors).toEqual([{ path: field, message: expect.any(String) }]);
      expect(await stored()).toEqual(before);
    });

    it.each(['__proto__', 'constructor', 'prototype'])('takes roles out of %s (ASVS 15.3.6)', async (key) => {
      const answer = await app.http
        .post('/auth/signup')
        .set('Content-Type', 'application/json')
        .send(
          `{"username":"p-${key}","password":"${goodPassword}","${key}":{"roles":["admin"],"email_verified":true}}`,
        );
      expect(answer.status).toBe(422);
      expect({}).not.toHaveProperty('roles');
      expect(await app.deps.db.user.count({ where: { roles: { isEmpty: false } } })).toBe(0);
    });

    it('reads a password from the query (ASVS 14.2.1)', async () => {
      const before = await stored();
      const { status, body } = await app.http
        .post('/auth/signup')
        .query({ password: goodPassword })
        .send({ username: 'by-query' });
      expect([status, body.code]).toEqual([400, 'invalid_request']);
      expect(await stored()).toEqual(before);
    });

    it('creates a user without a session: if one fails, neither is stored (ASVS 2.3.3)', async () => {
      const own = await startAppForTest();
      await own.deps.db.$executeRaw`ALTER TABLE session ADD CONSTRAINT nothing_more CHECK (false) NOT VALID`;
      const refused = await signUp({ username: 'half-made' }, own);
      expect(refused.status).toBe(500);
      expect(refused.text).not.toMatch(/nothing_more|constraint|prisma/i);
      expect(await own.deps.db.user.count()).toBe(0);
      await own.deps.db.$executeRaw`ALTER TABLE session DROP CONSTRAINT nothing_more`;
      expect((await signUp({ username: 'half-made' }, own)).status).toBe(201);
    });

    it('sends the password hash, or fields of the table that are not in the contract', async () => {
      const { text } = await signUp({ username: 'lean-answer' });
      expect(text).not.toMatch(/argon2|hash|username_key|version|disabled|last_login/i);
    });
  });

  it('answers 403 signup_closed if SIGNUP is closed, and creates no user', async () => {
    const closed = await startAppForTest({ SIGNUP: 'closed' });
    const { status, body } = await signUp({}, closed);
    expect([status, body.code]).toEqual([403, 'signup_closed']);
    expect(await closed.deps.db.user.count()).toBe(0);
  });

  it('requires as many characters as PASSWORD_MIN_LENGTH says', async () => {
    const short = await startAppForTest({ PASSWORD_MIN_LENGTH: '8' });
    expect((await signUp({ username: 'seven', password: 'zQ4-vn7' }, short)).status).toBe(422);
    expect((await signUp({ username: 'eight', password: 'zQ4-vn7k' }, short)).status).toBe(201);
  });
});
