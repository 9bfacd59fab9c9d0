import { describe, expect, test } from 'vitest';
import { exportUsers } from '../../src/user-transfer/export.js';
import { type ImportCounts, type ImportOptions, importUsers } from '../../src/user-transfer/import.js';
import { linesOf, readUserLines, userLine } from '../../src/user-transfer/lines.js';
import { goodPassword, startAppForTest, type TestApp } from '../support/app.js';
import { known } from '../support/known-hashes.js';
import { mailTo } from '../support/mails.js';

const someHash = '$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK';

type Line = Record<string, unknown> | string;

const textOf = (line: Line) => (typeof line === 'string' ? line : JSON.stringify(line));

async function* chunks(lines: Line[]) {
  yield Buffer.from(lines.map(textOf).join('\n'));
}

/** Imports lines of JSON or other text, and returns the counts and the refusals. */
async function importLines({ config, deps }: TestApp, lines: Line[], options: ImportOptions = {}) {
  const refused: string[] = [];
  const onRefused = (line: number, reason: string) => void refused.push(`${line}: ${reason}`);
  const users = readUserLines(linesOf(chunks(lines)), { localDomains: config.mail.localDomains });
  const counts = await importUsers(deps, users, { allowAdmins: true, ...options, onRefused });
  return { counts, refused };
}

async function exported({ deps }: TestApp): Promise<string[]> {
  const lines: string[] = [];
  for await (const user of exportUsers(deps)) lines.push(userLine(user).trimEnd());
  return lines;
}

const logIn = ({ http }: TestApp, username: string, password: string) =>
  http.post('/auth/login').send({ username, password });

const storedHash = async ({ deps }: TestApp, username: string) =>
  (await deps.db.user.findUniqueOrThrow({ where: { usernameKey: username } })).passwordHash;

describe('an imported user', () => {
  test('with each kind of hash logs in with the right password only, and then has our own argon2id hash', async () => {
    const app = await startAppForTest();
    const { counts, refused } = await importLines(
      app,
      known.map(({ hash }, index) => ({ username: `user-${index}`, password_hash: hash })),
    );
    expect(refused).toEqual([]);
    expect(counts).toEqual({ lines: known.length, imported: known.length, existing: 0, refused: 0 });
    for (const [index, { password, hash }] of known.entries()) {
      const username = `user-${index}`;
      expect((await logIn(app, username, `${password}x`)).status, hash).toBe(401);
      expect(await storedHash(app, username)).toContain(hash);
      expect((await logIn(app, username, password)).status, hash).toBe(200);
      expect(await storedHash(app, username)).toMatch(/^\$argon2id\$v=19\$m=1024,t=1,p=1\$/);
      expect((await logIn(app, username, password)).status, hash).toBe(200);
      expect((await logIn(app, username, `${password}x`)).status, hash).toBe(401);
    }
  }, 120_000);

  test('of Devise logs in as long as the pepper is set', async () => {
    // Made with bcryptjs, of the password and the pepper.
    const line = {
      username: 'ada',
      password_hash: '{devise}$2a$05$abcdefghijklmnopqrstuuFoRg3FpyRErLOeOyzqbRu03.Vp7OeOO',
    };
    const without = await startAppForTest();
    expect((await importLines(without, [line])).refused).toEqual([
      '1: The hash needs its pepper: set IMPORTED_PEPPER.',
    ]);
    const app = await startAppForTest({ IMPORTED_PEPPER: 'the pepper' });
    await importLines(app, [line]);
    expect((await logIn(app, 'ada', 'lètmeinthe pepper')).status).toBe(401);
    expect((await logIn(app, 'ada', 'lètmein')).status).toBe(200);
  });

  test('whose hash was made without NFC logs in as typed, and afterwards in any form', async () => {
    const app = await startAppForTest();
    const nfd = 'crème brûlée à gogo'.normalize('NFD');
    const password_hash = 'pbkdf2_sha256$1000$seasalt$ezuPZgnSITW6QXZRAgW5fLCSgNq7NmhXO+ID0djpiWM=';
    await importLines(app, [{ username: 'chef', password_hash }]);
    expect((await logIn(app, 'chef', nfd.normalize('NFC'))).status).toBe(401);
    expect((await logIn(app, 'chef', nfd)).status).toBe(200);
    expect((await logIn(app, 'chef', nfd.normalize('NFC'))).status).toBe(200);
  });

  test('has an address as a sign-up could have it, which counts once in any spelling', async () => {
    const app = await startAppForTest({ EMAIL_LOCAL_DOMAINS: 'intranet' });
    const emails = ['a&b@почта.рф', 'ada@intranet', 'A&B@xn--80a1acny.xn--p1ai', 'ada@localhost', 'a@b-.example'];
    const { refused } = await importLines(
      app,
      emails.map((email, n) => ({ username: `mailed-${n}`, email, password_hash: someHash })),
    );
    expect(refused.sort()).toEqual([
      '3: The e-mail "A&B@xn--80a1acny.xn--p1ai" is taken.',
      '4: email: The part after the @ needs a dot.',
      '5: email: The part after the @ is not a domain.',
    ]);
    expect((await exported(app)).map((line) => JSON.parse(line).email)).toEqual(emails.slice(0, 2));
  });

  test('has every field of the line, and an audit event', async () => {
    const app = await startAppForTest();
    const [ada, bob] = [
      {
        username: 'Ada',
        email: 'Ada@Example.com',
        email_verified: true,
        password_hash: someHash,
        roles: ['admin', 'editor', 'admin'],
        disabled: true,
        created_at: '2020-02-29T12:00:00.123+02:00',
      },
      { username: 'bob', email: null, password_hash: someHash },
    ];
    await importLines(app, [ada, bob]);
    expect(await app.deps.db.user.findMany({ orderBy: { id: 'asc' } })).toMatchObject([
      {
        username: 'Ada',
        usernameKey: 'ada',
        email: 'Ada@Example.com',
        emailKey: 'ada@example.com',
        emailVerifiedAt: expect.any(Date),
        roles: ['admin', 'editor'],
        disabledAt: expect.any(Date),
        createdAt: new Date('2020-02-29T10:00:00.123Z'),
      },
      { username: 'bob', email: null, emailKey: null, emailVerifiedAt: null, roles: [], disabledAt: null },
    ]);
    const users = await app.deps.db.user.findMany({ select: { id: true } });
    const events = await app.deps.db.auditEvent.findMany({ where: { action: 'user.created' } });
    expect(events.map(({ userId }) => userId).sort()).toEqual(users.map(({ id }) => id).sort());
    expect((await logIn(app, 'ada', 'U*U*')).body.code).toBe('account_disabled');
  });
});

describe('importing', () => {
  test('reports each bad line with its number and reason, without a hash, and imports all others', async () => {
    const app = await startAppForTest();
    const bad: [Line, RegExp][] = [
      ['{"username":"cut","password_ha', /^Not a whole JSON object/],
      ['[]', /expected object/],
      ['null', /expected object/],
      [{ username: 'no-hash' }, /^password_hash: /],
      [{ password_hash: someHash }, /^username: /],
      [{ username: 'a', password_hash: someHash }, /^username: Use 3 to 32/],
      [{ username: 'K\u212Aelvin', password_hash: someHash }, /^username: /],
      [{ username: 'extra', password_hash: someHash, is_admin: true }, /"is_admin"/],
      [{ username: 'mail', email: 'not an address', password_hash: someHash }, /^email: /],
      [{ username: 'mail', email_verified: true, password_hash: someHash }, /^email_verified: /],
      [
        { username: 'roles', roles: ['editor', 'unheard-of'], password_hash: someHash },
        /^roles: 1: There is no such role: src\/own\/permissions.ts makes them. There are admin, user, editor.$/,
      ],
      [{ username: 'kind', kind: 'machine', password_hash: someHash }, /^kind: /],
      [{ username: 'kind', kind: 'service', password_hash: someHash }, /^kind: A service user has no e-mail/],
      [{ username: 'kind', kind: 'service', email: 'kind@example.com' }, /^kind: A service user has no e-mail/],
      [{ username: 'roles', roles: 'admin', password_hash: someHash }, /^roles: /],
      [{ username: 'disabled', disabled: 'no', password_hash: someHash }, /^disabled: /],
      [{ username: 'born', created_at: '2020-02-30T00:00:00Z', password_hash: someHash }, /^created_at: /],
      [{ username: 'born', created_at: '0000-01-01T00:00:00Z', password_hash: someHash }, /^created_at: /],
      [{ username: 'born', created_at: '2999-01-01T00:00:00Z', password_hash: someHash }, /^created_at: /],
      [{ username: 'plain', password_hash: 'hunter2hunter2' }, /^The format of the hash is not known/],
      [
        { username: 'dear', password_hash: someHash.replace('$05', '$16') },
        /costs more than its bound: about 1 s and /,
      ],
      [`{"username":"long","password_hash":"${'x'.repeat(100_000)}"}`, /^Longer than 65536 characters\.$/],
      [`${' '.repeat(70_000)}x`, /^Longer than /],
      [{ username: 'nul\0', password_hash: someHash }, /^username: /],
    ];
    const lines = bad.flatMap(([line], index) => [{ username: `good-${index}`, password_hash: someHash }, line]);
    const { counts, refused } = await importLines(app, ['\ufeff', '', ...lines, '  \r', '']);
    expect(counts).toEqual({ lines: 2 * bad.length, imported: bad.length, existing: 0, refused: bad.length });
    for (const [index, [, reason]] of bad.entries()) {
      const [, line, told = ''] = /^(\d+): (.*)$/.exec(refused[index] ?? '') ?? [];
      expect(Number(line)).toBe(4 + 2 * index);
      expect(told).toMatch(reason);
    }
    expect(refused.join()).not.toMatch(/hunter2|CCCC/);
    expect(await app.deps.db.user.count()).toBe(bad.length);
  });

  test('refuses a username or e-mail that is taken, in any case, before and within the file', async () => {
    const app = await startAppForTest();
    await app.signUp({ username: 'Ada', email: 'ada@example.com' });
    const { counts, refused } = await importLines(app, [
      { username: 'aDa', password_hash: someHash },
      { username: 'eve', email: 'ADA@example.com', password_hash: someHash },
      { username: 'bob', email: 'bob@example.com', password_hash: someHash },
      { username: 'BOB', password_hash: someHash },
      { username: 'rob', email: 'Bob@Example.com', password_hash: someHash },
      { username: 'Ada', email: 'ada@example.com', password_hash: someHash },
      { username: 'bob', email: 'bob@example.com', password_hash: someHash },
    ]);
    expect(refused).toEqual([
      '1: The username "aDa" is taken.',
      '2: The e-mail "ADA@example.com" is taken.',
      '4: The username "BOB" is taken.',
      '5: The e-mail "Bob@Example.com" is taken.',
      '6: The username "Ada" is taken.',
      '7: The username "bob" is taken.',
    ]);
    expect(counts).toEqual({ lines: 7, imported: 1, existing: 0, refused: 6 });
    expect((await logIn(app, 'Ada', goodPassword)).status).toBe(200);
  });

  test('again imports only missing users, and recognises the others even after they have logged in', async () => {
    const app = await startAppForTest();
    const created_at = '2020-01-01T00:00:00Z';
    const lines = [
      { username: 'ada', password_hash: someHash, created_at },
      { username: 'bob', email: 'bob@example.com', password_hash: someHash },
      { username: 'eve', password_hash: someHash },
    ];
    await importLines(app, lines.slice(0, 2));
    expect((await logIn(app, 'ada', 'U*U*')).status).toBe(200);
    const again = await importLines(app, lines);
    expect(again).toEqual({ counts: { lines: 3, imported: 1, existing: 2, refused: 0 }, refused: [] });
  });

  test.each([
    ['2021-03-04 05:06:07+00', '2021-03-04T05:06:07.000Z'],
    ['2021-03-04 05:06:07.123456+02', '2021-03-04T03:06:07.123Z'],
    ['2021-03-04T05:06:07', '2021-03-04T05:06:07.000Z'],
    ['2021-03-04 05:06:07 UTC', '2021-03-04T05:06:07.000Z'],
    ['2021-03-04T05:06:07-0530', '2021-03-04T10:36:07.000Z'],
    ['2021-03-04', '2021-03-04T00:00:00.000Z'],
    [1614834367, '2021-03-04T05:06:07.000Z'],
    [1614834367123, '2021-03-04T05:06:07.123Z'],
    ['1614834367123', '2021-03-04T05:06:07.123Z'],
  ])('reads %s as %s', async (created_at, date) => {
    const app = await startAppForTest();
    const { refused } = await importLines(app, [{ username: 'ada', password_hash: someHash, created_at }]);
    expect(refused).toEqual([]);
    expect(JSON.parse((await exported(app))[0] ?? '')).toMatchObject({ created_at: date });
  });

  test('derives usernames that fit, if asked: these users log in by e-mail, and can be imported again', async () => {
    const app = await startAppForTest();
    const id = '018f3f1e-7c1d-7c7a-8d51-3e3f2a1b0c9d';
    const lines = [
      { username: 'auth0|5f7c8ec7c33c6c004bbafe82', email: 'ada.l+x@example.com', password_hash: someHash },
      { username: 'Bob@example.com', password_hash: someHash },
      { username: id, password_hash: someHash },
      { username: 'fits', password_hash: someHash },
      { username: 'ü', email: 'no address', password_hash: someHash },
    ];
    expect((await importLines(app, lines)).counts).toMatchObject({ imported: 1, refused: 4 });
    const derived: (string | null)[][] = [];
    const readAgain = () =>
      importUsers(
        app.deps,
        readUserLines(linesOf(chunks(lines)), {
          onDerived: (_, { username, email }) => void derived.push([username, email]),
        }),
      );
    expect(await readAgain()).toEqual({ lines: 5, imported: 3, existing: 1, refused: 1 });
    expect(derived).toEqual([
      [expect.stringMatching(/^ada\.l-x-[\da-f]{8}$/), 'ada.l+x@example.com'],
      [expect.stringMatching(/^Bob-[\da-f]{8}$/), 'Bob@example.com'],
      [expect.stringMatching(/^018f3f1e-7c1d-7c7a-8d51-[\da-f]{8}$/), null],
    ]);
    expect((await logIn(app, 'bob@example.com', 'U*U*')).status).toBe(200);
    expect((await logIn(app, derived[2]?.[0] ?? '', 'U*U*')).status).toBe(200);
    expect((await logIn(app, 'ada.l+x@example.com', 'U*U*')).status).toBe(200);
  });

  test('makes an administrator only if that is allowed', async () => {
    const app = await startAppForTest();
    const line = { username: 'ada', password_hash: someHash, roles: ['editor', 'admin'] };
    const { refused } = await importLines(app, [line], { allowAdmins: false });
    expect(refused).toEqual([
      '1: It would have more rights than every user has. Take the role away, or add --allow-admins.',
    ]);
    expect((await importLines(app, [line], { allowAdmins: true })).counts.imported).toBe(1);
  });

  test('takes a user without a hash who has an e-mail, and who gets in by a new password alone', async () => {
    const app = await startAppForTest();
    const { counts } = await importLines(app, [{ username: 'ada', email: 'ada@example.com' }, { username: 'eve' }]);
    expect(counts).toMatchObject({ imported: 1, refused: 1 });
    expect((await logIn(app, 'ada', '!')).status).toBe(401);
    expect(JSON.parse((await exported(app))[0] ?? '')).not.toHaveProperty('password_hash');
    await app.http.post('/auth/password/forgot').send({ email: 'ada@example.com' }).expect(202);
    const { token } = await mailTo(app, 'ada@example.com', /^Set a new password$/);
    await app.http.post('/auth/password/reset').send({ token, password: goodPassword }).expect(204);
    expect((await logIn(app, 'ada', goodPassword)).status).toBe(200);
  });

  test.each([
    ['5f4dcc3b5aa765d61d8327deb882cf99', 'MD5'],
    ['$P$BDrf4Wc9rAJ8Xm1L8Qd4wYTJ0C1zXj0', 'phpass'],
    ['{SSHA}DkMTwBl+a/3DQTxCYEApdUtNXGgdUac3', 'SHA-1'],
    ['$5$rounds=5000$salt$abcdefghijklmnopqrstuvwxyz0123456789abcdefg', 'SHA-2 crypt'],
  ])('refuses %s, names it and says what to do', async (password_hash, name) => {
    const app = await startAppForTest();
    const { refused } = await importLines(app, [{ username: 'ada', email: 'ada@example.com', password_hash }]);
    expect(refused).toEqual([expect.stringMatching(new RegExp(`^1: A hash of ${name}.* Leave password_hash out: `))]);
  });

  test('as a dry run reports the same and writes nothing', async () => {
    const app = await startAppForTest();
    await app.signUp({ username: 'Ada' });
    const lines = [
      { username: 'ada', password_hash: someHash },
      { username: 'bob', password_hash: someHash },
      { username: 'eve', password_hash: 'none' },
    ];
    const dry = await importLines(app, lines, { dryRun: true });
    expect(await app.deps.db.user.count()).toBe(1);
    expect(await app.deps.db.auditEvent.count({ where: { detail: { path: ['imported'], equals: true } } })).toBe(0);
    expect(dry.counts).toEqual({ lines: 3, imported: 1, existing: 0, refused: 2 });
    expect(await importLines(app, lines)).toEqual(dry);
  });

  test('20,000 lines holds at most one batch in memory', async () => {
    const app = await startAppForTest();
    const seen = { read: 0, told: 0, most: 0, imported: 0 };
    async function* many() {
      for (; seen.read < 20_000; seen.read += 1) {
        seen.most = Math.max(seen.most, seen.read - seen.told);
        yield Buffer.from(`${JSON.stringify({ username: `user-${seen.read}`, password_hash: someHash })}\n`);
      }
    }
    const onProgress = ({ lines, imported }: ImportCounts) => Object.assign(seen, { told: lines, imported });
    await importUsers(app.deps, readUserLines(linesOf(many())), { onProgress });
    expect(seen.imported).toBe(20_000);
    expect(seen.most).toBeLessThanOrEqual(501);
    expect(await app.deps.db.user.count()).toBe(20_000);
    expect((await exported(app)).length).toBe(20_000);
  }, 120_000);
});

describe('exporting', () => {
  test('a service user and importing it gives a service user, with its roles and without a key', async () => {
    const [from, to] = [await startAppForTest(), await startAppForTest()];
    const made = {
      username: 'Nightly',
      kind: 'service',
      roles: ['editor', 'user'],
      created_at: '2025-01-02T03:04:05.678Z',
    };
    expect((await importLines(from, [made])).counts.imported).toBe(1);
    await from.signUp({ username: 'ada' });
    const lines = await exported(from);
    expect(JSON.parse(lines[0] ?? '')).toEqual({ ...made, disabled: false });
    expect(JSON.parse(lines[1] ?? '')).not.toHaveProperty('kind');
    expect((await importLines(to, lines)).counts.imported).toBe(2);
    expect(await exported(to)).toEqual(lines);
    expect((await importLines(to, lines)).counts).toEqual({ lines: 2, imported: 0, existing: 2, refused: 0 });
    expect((await logIn(to, 'nightly', goodPassword)).status).toBe(401);
    const { refused } = await importLines(to, [
      { username: 'Nightly', email: 'n@example.com', created_at: made.created_at },
    ]);
    expect(refused).toEqual(['1: The username "Nightly" is taken.']);
  });

  test('and importing into an empty database gives the same users, who can log in', async () => {
    const [from, to] = [await startAppForTest(), await startAppForTest()];
    await importLines(from, [
      { username: 'Ada', email: 'Ada@Example.com', email_verified: true, password_hash: someHash, roles: ['admin'] },
      { username: 'bob', password_hash: known.find(({ format }) => format === 'argon2id')?.hash, disabled: true },
    ]);
    await from.signUp({ username: 'Carol', email: 'carol@example.com' });
    const lines = await exported(from);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { username: 'Ada', email: 'Ada@Example.com', email_verified: true, password_hash: someHash, roles: ['admin'] },
      { username: 'bob', password_hash: expect.stringMatching(/^\$argon2id\$v=19\$m=32/), disabled: true },
      { username: 'Carol', email: 'carol@example.com', email_verified: false, disabled: false },
    ]);
    expect((await importLines(to, lines)).counts).toEqual({ lines: 3, imported: 3, existing: 0, refused: 0 });
    expect(await exported(to)).toEqual(lines);
    expect((await logIn(to, 'carol', goodPassword)).status).toBe(200);
    expect((await logIn(to, 'ada@example.com', 'U*U*')).status).toBe(200);
    expect((await logIn(to, 'bob', 'test')).body.code).toBe('account_disabled');
    expect((await importLines(from, lines)).counts).toEqual({ lines: 3, imported: 0, existing: 3, refused: 0 });
  });
});
