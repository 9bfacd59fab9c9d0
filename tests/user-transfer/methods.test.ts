import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { dataBox } from '../../src/keys/data-box.js';
import { matchingStep } from '../../src/second-factor/totp.js';
import { openTotpSecret } from '../../src/second-factor/totp-secrets.js';
import { exportUsers } from '../../src/user-transfer/export.js';
import { importUsers } from '../../src/user-transfer/import.js';
import { linesOf, readUserLines, userLine } from '../../src/user-transfer/lines.js';
import { type LineBox, lineBox } from '../../src/user-transfer/sealed.js';
import { insertPasskeys } from '../second-factor/passkey-rows.js';
import { goodPassword, startAppForTest, type TestApp } from '../support/app.js';
import { goRound } from '../support/pretended-providers/go-round.js';
import { settingsOf, startOpenIdProvider } from '../support/pretended-providers/openid.js';
import { addTotp, codeOf } from '../support/second-factor.js';

const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
const someHash = '$2b$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK';
const passkey = (nth: number) => ({
  credential_id: Buffer.alloc(16, nth).toString('base64url'),
  public_key: Buffer.from('a5010203262001215820', 'hex').toString('base64url'),
  counter: 7,
  user_handle: Buffer.alloc(16, 9).toString('base64url'),
  rp_id: 'example.com',
  transports: ['internal', 'hybrid'],
  synced: true,
  name: `Key ${nth}`,
});

async function* chunks(lines: object[]) {
  yield Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n'));
}

async function importLines({ deps }: TestApp, lines: object[], box?: LineBox) {
  const refused: string[] = [];
  const onRefused = (line: number, reason: string) => void refused.push(`${line}: ${reason}`);
  const reading = { box, providers: deps.config.providers };
  const counts = await importUsers(deps, readUserLines(linesOf(chunks(lines)), reading), { onRefused });
  return { counts, refused };
}

async function exported({ deps }: TestApp, box?: LineBox): Promise<Record<string, unknown>[]> {
  const lines: Record<string, unknown>[] = [];
  for await (const user of exportUsers(deps, box && dataBox(deps.keys))) lines.push(JSON.parse(userLine(user, box)));
  return lines;
}

const userNamed = ({ deps }: TestApp, usernameKey: string) =>
  deps.db.user.findUniqueOrThrow({
    where: { usernameKey },
    include: { totps: { orderBy: { id: 'asc' } }, passkeys: { orderBy: { id: 'asc' } }, recoveryCodes: true },
  });

/** The TOTP secrets of a user, as the server opens them. */
async function secretsOf(app: TestApp, username: string): Promise<string[]> {
  const { totps } = await userNamed(app, username);
  return totps.map(({ id, secret }) => `${openTotpSecret(dataBox(app.deps.keys), id, secret)?.toString('hex')}`);
}

describe('An imported user', () => {
  it('has the authenticator app of before, sealed, and is asked for its codes', async () => {
    const app = await startAppForTest();
    app.secrets.add('an imported secret', secret);
    app.secrets.add('an imported secret, as bytes', Buffer.from('12345678901234567890'));
    const uri = `otpauth://totp/Old:bob?secret=${secret}&issuer=Old`;
    const { refused } = await importLines(app, [
      { username: 'ada', password_hash: someHash, totp: [{ secret, name: 'Phone' }] },
      { username: 'bob', email: 'bob@example.com', email_verified: true, totp: [{ secret: uri }] },
      { username: 'eve', password_hash: someHash, totp: [{ secret }], second_factor: 'off' },
    ]);
    expect(refused).toEqual([]);
    expect(await userNamed(app, 'ada')).toMatchObject({ secondFactor: 'any', totps: [{ name: 'Phone' }] });
    expect(await userNamed(app, 'bob')).toMatchObject({ secondFactor: 'any', passwordHash: null });
    expect(await userNamed(app, 'eve')).toMatchObject({ secondFactor: 'off' });
    const [bytes = ''] = await secretsOf(app, 'ada');
    expect(matchingStep(Buffer.from(bytes, 'hex'), codeOf(secret), Date.now() / 1000)).toBeDefined();
    expect(await secretsOf(app, 'bob')).toEqual([bytes]);
    const login = await app.http.post('/auth/login').send({ username: 'ada', password: 'U*U*' });
    expect(login.status).not.toBe(200);
    expect(login.body.access_token).toBeUndefined();
  });

  it('has the passkeys of before, and needs no password then', async () => {
    const app = await startAppForTest();
    const { refused } = await importLines(app, [
      { username: 'ada', passkeys: [passkey(1), passkey(2)], second_factor: 'passkey' },
      { username: 'bob', password_hash: someHash, passkeys: [passkey(3)], second_factor: 'any' },
      { username: 'cleo', password_hash: someHash, passkeys: [passkey(4)] },
    ]);
    expect(refused).toEqual([]);
    const ada = await userNamed(app, 'ada');
    expect(ada).toMatchObject({ passwordHash: null, secondFactor: 'passkey' });
    expect(
      ada.passkeys.map(({ name, counter, rpId, synced, transports }) => [name, counter, rpId, synced, transports]),
    ).toEqual([
      ['Key 1', 7n, 'example.com', true, ['internal', 'hybrid']],
      ['Key 2', 7n, 'example.com', true, ['internal', 'hybrid']],
    ]);
    expect(await userNamed(app, 'bob')).toMatchObject({ secondFactor: 'any' });
    expect(await userNamed(app, 'cleo')).toMatchObject({ secondFactor: 'off' });
  });

  it('signs in by the provider of before, by issuer and subject, and needs no password then', async () => {
    const corp = await startOpenIdProvider();
    const app = await startAppForTest(corp.settings);
    const identity = { issuer: corp.issuer, subject: corp.person.sub };
    const elsewhere = { issuer: 'https://login.other.example/realm', subject: '42' };
    const { refused } = await importLines(app, [
      { username: 'ada', identities: [identity] },
      { username: 'bob', email: 'bob@example.com', identities: [elsewhere], email_verified: true },
      { username: 'cleo', password_hash: someHash, identities: [{ ...elsewhere, subject: '43', provider: 'other' }] },
    ]);
    expect(refused).toEqual([]);
    const { status, body } = await goRound(app, corp);
    expect([status, body.user.username]).toEqual([200, 'ada']);
    const lines = await exported(app);
    expect(lines.map(({ username, identities }) => [username, identities])).toEqual([
      ['ada', [{ ...identity, provider: 'corp' }]],
      ['bob', [{ ...elsewhere, provider: 'login.other.example' }]],
      ['cleo', [{ ...elsewhere, subject: '43', provider: 'other' }]],
    ]);
    const target = await startAppForTest(settingsOf(corp));
    expect((await importLines(target, lines)).refused).toEqual([]);
    expect(await exported(target)).toEqual(lines);
    expect((await importLines(target, lines)).counts).toMatchObject({ existing: 3, refused: 0 });
  });

  it('is there once, however often the file is imported', async () => {
    const app = await startAppForTest();
    const lines = [{ username: 'ada', created_at: '2020-01-01', passkeys: [passkey(1)], totp: [{ secret }] }];
    expect((await importLines(app, lines)).counts).toMatchObject({ imported: 1 });
    expect((await importLines(app, lines)).counts).toMatchObject({ imported: 0, existing: 1, refused: 0 });
    expect(await userNamed(app, 'ada')).toMatchObject({ totps: [{}], passkeys: [{}] });
  });
});

it('a line is bad, and tells no secret, if its methods cannot be taken', async () => {
  const app = await startAppForTest();
  const user = { password_hash: someHash };
  const unverified = { ...user, email: 'a@example.com' };
  const identity = { issuer: 'https://corp.example', subject: 'ada' };
  const bad: [object, RegExp][] = [
    [{ ...user, totp: [{ secret: 'GEZDGNBV' }] }, /^totp: 0: secret: Base32/],
    [{ ...user, totp: [{ secret: `otpauth://totp/a?secret=${secret}&digits=8` }] }, /^totp: 0: secret: Base32/],
    [{ ...user, totp: Array(6).fill({ secret }) }, /^totp: At most 5/],
    [{ ...user, totp: [{ secret }, { secret: secret.toLowerCase() }] }, /^totp: One secret twice/],
    [{ ...user, recovery_codes: ['0123-4567'] }, /recovery_codes/],
    [{ ...unverified, totp: [{ secret }] }, /^email_verified: Needed/],
    [{ ...unverified, passkeys: [passkey(9)] }, /^email_verified: Needed/],
    [{ totp: [{ secret }] }, /^password_hash: Needed/],
    [{ ...user, second_factor: 'any' }, /^second_factor: There is nothing to ask for/],
    [{ ...user, second_factor: 'passkey', passkeys: [passkey(9)] }, /^second_factor: This needs two/],
    [{ ...user, passkeys: [{ ...passkey(9), public_key: 'AAAA' }] }, /^passkeys: 0: public_key: COSE/],
    [{ ...user, passkeys: [{ ...passkey(9), credential_id: 'a+/=' }] }, /^passkeys: 0: credential_id: Base64url/],
    [{ ...user, passkeys: [{ ...passkey(9), counter: -1 }] }, /^passkeys: 0: counter/],
    [{ ...user, passkeys: [passkey(9), passkey(9)] }, /^passkeys: One of them is registered already/],
    [{ ...user, passkeys: [passkey(1)] }, /^passkeys: One of them is registered already/],
    [{ ...unverified, identities: [{ ...identity, subject: 'bob' }] }, /^email_verified: Needed/],
    [{ ...user, identities: [identity] }, /^identities: One of them is linked already/],
    [{ ...user, identities: Array(2).fill({ ...identity, subject: 'bob' }) }, /^identities: One of them is linked/],
    [{ ...user, identities: [{ issuer: 'corp', subject: 'bob' }] }, /^identities: 0: issuer: The URL/],
    [{ ...user, identities: [{ ...identity, subject: '' }] }, /^identities: 0: subject: 1 to 255/],
    [{ ...user, identities: [{ ...identity, email: 'a@example.com' }] }, /^identities: 0: /],
    [{ ...user, identities: Array(11).fill(identity) }, /^identities: At most 10/],
    [{ ...user, sealed: 'AAAA' }, /^sealed: To read it, add --open/],
  ];
  await importLines(app, [{ username: 'first', passkeys: [passkey(1)], identities: [identity] }]);
  const lines = bad.map(([line], index) => ({ username: `bad-${index}`, ...line }));
  const { refused, counts } = await importLines(app, lines);
  expect(counts).toMatchObject({ imported: 0, refused: bad.length });
  const byLine = new Map(refused.map((text) => [Number.parseInt(text, 10), text.replace(/^\d+: /, '')]));
  for (const [index, [, reason]] of bad.entries()) expect(byLine.get(index + 1)).toMatch(reason);
  expect(refused.join()).not.toMatch(/GEZD/);
});

describe('An export', () => {
  const key = randomBytes(32);

  async function withUser(): Promise<TestApp & { secret: string }> {
    const app = await startAppForTest();
    const user = await app.signUp({ username: 'ada' });
    await insertPasskeys(app, user.userId, 1);
    const { secret } = await addTotp(app, user);
    return { ...app, secret };
  }

  it('has no secret without --seal, and cannot be taken for that of a user without a second factor', async () => {
    const app = await withUser();
    const [line] = await exported(app);
    expect(line).toMatchObject({ username: 'ada', second_factor: 'any', passkeys: [{ name: 'Passkey' }] });
    expect(JSON.stringify(line)).not.toContain(app.secret);
    expect(line).not.toHaveProperty('totp');
    expect(line).not.toHaveProperty('sealed');
    const target = await startAppForTest();
    const { passkeys: _, ...plain } = line ?? {};
    expect((await importLines(target, [plain])).refused).toEqual([expect.stringContaining('nothing to ask for')]);
  });

  it('sealed by a key file moves everything to another Gatelatch: apps, recovery codes, passkeys', async () => {
    const app = await withUser();
    const [line] = await exported(app, lineBox(key));
    expect(JSON.stringify(line)).not.toContain(app.secret);
    const target = await startAppForTest();
    const { refused } = await importLines(target, [line ?? {}], lineBox(key));
    expect(refused).toEqual([]);
    expect(await secretsOf(target, 'ada')).toEqual(await secretsOf(app, 'ada'));
    const [before, after] = [await userNamed(app, 'ada'), await userNamed(target, 'ada')];
    const hashes = ({ recoveryCodes }: typeof before) =>
      recoveryCodes.map(({ hash }) => Buffer.from(hash).toString('hex')).sort();
    expect(hashes(after)).toEqual(hashes(before));
    expect(hashes(after)).toHaveLength(10);
    const keys = ({ passkeys }: typeof before) =>
      passkeys.map(({ id: _, userId: _u, createdAt: _c, aaguid: _a, ...rest }) => rest);
    expect(keys(after)).toEqual(keys(before));
    expect(after.secondFactor).toBe('any');
    expect(after.passwordHash).toContain(before.passwordHash);
    const login = await target.http.post('/auth/login').send({ username: 'ada', password: goodPassword });
    expect(login.body.access_token).toBeUndefined();
  });

  it('is opened by its own key alone, and for its own user alone', async () => {
    const app = await withUser();
    const [line] = await exported(app, lineBox(key));
    const target = await startAppForTest();
    const notOpened = [expect.stringContaining('sealed: The key file does not open it.')];
    expect((await importLines(target, [line ?? {}], lineBox(randomBytes(32)))).refused).toEqual(notOpened);
    expect((await importLines(target, [{ ...line, username: 'eve' }], lineBox(key))).refused).toEqual(notOpened);
    expect((await importLines(target, [line ?? {}])).refused).toEqual([expect.stringContaining('add --open')]);
  });
});
