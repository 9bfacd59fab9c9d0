import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, startApp, startAppForTest } from '../../support/app.js';
import { type CliProcess, commandLine, createCli, run } from '../../support/run-cli.js';
import { createEmbeddedDatabase, type TestDatabase } from '../../support/test-database.js';

describe('the commands without a running server', () => {
  let database: TestDatabase;
  let cli: CliProcess;

  beforeAll(async () => {
    database = createEmbeddedDatabase();
    cli = await createCli({ DATABASE_URL: database.url });
  }, 120_000);
  afterAll(async () => {
    await database.drop();
    cli.remove();
  });

  it('two at once both work on an embedded database, and the server can use it afterwards', async () => {
    const [made, listed] = await Promise.all([
      cli.json(['users', 'create', 'root', '--role=admin'], `${goodPassword}\n`),
      cli.run(['keys', 'list']),
    ]);
    expect(made).toMatchObject({ username: 'root', roles: ['admin'] });
    expect(listed).toEqual({
      code: 0,
      stdout: 'There are no signing keys yet: the server makes them when it first starts.\n',
      stderr: '',
    });
    expect(readdirSync(database.url.slice('pglite:'.length))).toEqual(['pgdata']);
    const app = await startAppForTest({}, { databaseUrl: database.url });
    expect((await app.http.post('/auth/login').send({ username: 'root', password: goodPassword })).status).toBe(200);
  }, 60_000);

  it('purge works before there is a key; later it also seals the audit and removes events older than AUDIT_RETENTION', async () => {
    const fresh = createEmbeddedDatabase();
    const settings = { DATABASE_URL: fresh.url };
    const nothing = { purged: { sessions: 0, revocations: 0, audit_events: 0 } };
    await withSettings(settings, ['users', 'create', 'root', '--generate-password']);
    expect(JSON.parse((await withSettings(settings, ['purge', '--json'])).stdout)).toEqual(nothing);
    const app = await startApp({}, { databaseUrl: fresh.url });
    await app.deps.db.$executeRaw`UPDATE audit_event SET at = at - interval '366 days'`;
    await app.signUp();
    await app.stop();
    expect(JSON.parse((await withSettings(settings, ['purge', '--json'])).stdout)).toEqual({
      purged: { ...nothing.purged, audit_events: 1 },
    });
    expect((await withSettings(settings, ['audit', 'verify'])).stdout).toMatch(/^The chain holds: 1 events\./);
    await fresh.drop();
  }, 120_000);

  it('doctor reports a wrong AUTH_SECRET, changes nothing, and exits with 1', async () => {
    const secret = cli.env.AUTH_SECRET ?? '';
    cli.env.AUTH_SECRET = 'another-one-0123456789abcdefghijklmnopqrstuvwxyz';
    const { status, checks } = await cli.json(['doctor'], '', 1);
    expect(status).toBe('problem');
    expect(checks).toContainEqual(
      expect.objectContaining({
        check: 'signing keys',
        status: 'problem',
        mend: expect.stringContaining('AUTH_SECRET'),
      }),
    );
    const rotated = await cli.run(['keys', 'rotate']);
    expect(rotated).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^AUTH_SECRET does not open .+\n$/),
    });
    cli.env.AUTH_SECRET = secret;
    expect((await cli.json(['doctor'])).checks).toContainEqual(
      expect.objectContaining({ check: 'signing keys', status: 'ok' }),
    );
  }, 60_000);

  it('pglite:memory and wrong settings are refused in one line that shows no secret', async () => {
    const [memory, wrong, diagnosed] = await Promise.all([
      withSettings({ DATABASE_URL: 'pglite:memory' }, ['users', 'list']),
      withSettings({ NODE_ENV: 'production', AUTH_SECRET: 'example-secret-0123456789abcdefghijklm', PORT: '-1' }, [
        'purge',
      ]),
      withSettings({ AUTH_SECRET: 'tooshort' }, ['doctor', '--json']),
    ]);
    expect(memory).toMatchObject({ code: 1, stdout: '' });
    expect(memory.stderr).toMatch(/^DATABASE_URL is pglite:memory, [^\n]+\n$/);
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toMatch(/^PORT must be [^\n]+\n$/);
    expect(diagnosed).toMatchObject({ code: 1, stderr: '' });
    expect(JSON.parse(diagnosed.stdout)).toMatchObject({ status: 'problem', checks: [{ check: 'settings' }] });
    expect(diagnosed.stdout).not.toContain('tooshort');
  }, 60_000);

  it('doctor creates nothing if there is no database yet', async () => {
    const { code } = await withSettings({ DATABASE_URL: 'pglite:.data/db', AUTH_SECRET: '' }, ['doctor']);
    expect(code).toBe(0);
    expect(existsSync(join(cli.cwd, '.data'))).toBe(false);
  });

  it('npm run cli passes on arguments, standard output and exit codes', async () => {
    const cwd = fileURLToPath(new URL('../../..', import.meta.url));
    const npm = (...argv: string[]) => run('npm', ['run', '-s', 'cli', '--', ...argv], '', { cwd, env: cli.env });
    const [helped, refused] = await Promise.all([npm('help', '--json'), npm('users', 'frobnicate')]);
    expect(JSON.parse(helped.stdout).commands.length).toBeGreaterThan(10);
    expect(helped.code).toBe(0);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('There is no command "users frobnicate". See: help users\n');
  }, 60_000);

  const withSettings = (settings: Record<string, string>, argv: string[]) => {
    return run(process.execPath, [...commandLine, ...argv], '', { cwd: cli.cwd, env: { ...cli.env, ...settings } });
  };
});

// As docs/runbooks/restore.md says.
describe('a restored backup', () => {
  it('revives ended sessions, until sessions end --all and keys revoke are run', async () => {
    const database = createEmbeddedDatabase();
    const directory = database.url.slice('pglite:'.length);
    const first = await startApp({}, { databaseUrl: database.url });
    const loggedOut = await first.signUp();
    await first.stop();
    cpSync(directory, `${directory}-backup`, { recursive: true });
    const second = await startApp({}, { databaseUrl: database.url });
    const after = await second.signUp();
    expect((await second.http.post('/auth/logout').set(loggedOut.bearer)).status).toBe(204);
    await second.stop();
    rmSync(directory, { recursive: true });
    cpSync(`${directory}-backup`, directory, { recursive: true });

    const cli = await createCli({ DATABASE_URL: database.url });
    expect(await cli.json(['sessions', 'end', '--all', '--yes'])).toEqual({ ended: 1 });
    const { kid } = JSON.parse(Buffer.from(after.accessToken.split('.')[0] ?? '', 'base64url').toString());
    expect(await cli.run(['keys', 'revoke', '--yes', '--', kid])).toMatchObject({ code: 0 });

    const third = await startAppForTest({}, { databaseUrl: database.url });
    for (const user of [loggedOut, after]) {
      expect((await third.http.get('/welcome').set(user.bearer)).status).toBe(401);
      expect((await third.http.post('/auth/refresh').send({ refresh_token: user.refreshToken })).status).toBe(401);
    }
    const { username, password } = loggedOut;
    expect((await third.http.post('/auth/login').send({ username, password })).status).toBe(200);
    cli.remove();
    rmSync(`${directory}-backup`, { recursive: true });
  }, 60_000);
});
