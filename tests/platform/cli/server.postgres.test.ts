import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type SignedUp, startApp, type TestApp } from '../../support/app.js';
import { type CliProcess, createCli } from '../../support/run-cli.js';
import { createServerDatabase, type TestDatabase } from '../../support/test-database.js';

describe('the commands next to two instances on one Postgres', () => {
  let database: TestDatabase;
  let instances: [TestApp, TestApp];
  let cli: CliProcess;

  beforeAll(async () => {
    database = await createServerDatabase();
    const start = () => startApp({}, { databaseUrl: database.url });
    instances = [await start(), await start()];
    cli = await createCli({ DATABASE_URL: database.url });
  }, 120_000);
  afterAll(async () => {
    await Promise.all(instances.map((app) => app.stop()));
    await database.drop();
    cli.remove();
  });

  const codesWith = ({ bearer }: SignedUp) =>
    Promise.all(instances.map(async ({ http }) => (await http.get('/welcome').set(bearer)).body.code));
  const everywhere = (user: SignedUp, code: string) =>
    vi.waitFor(async () => expect(await codesWith(user)).toEqual([code, code]), { timeout: 1000, interval: 20 });

  it.each([
    ['users disable', 'session_revoked', ({ username }: SignedUp) => ['users', 'disable', username]],
    ['users roles', 'token_stale', ({ username }: SignedUp) => ['users', 'roles', username, 'admin']],
    ['users delete', 'session_revoked', ({ username }: SignedUp) => ['users', 'delete', username, '--yes']],
    ['sessions end --all', 'session_revoked', () => ['sessions', 'end', '--all', '--yes']],
  ])('%s takes effect on both instances within a second', async (_name, code, argv) => {
    const user = await instances[0].signUp();
    expect(await codesWith(user)).toEqual([undefined, undefined]);
    await cli.json(argv(user));
    await everywhere(user, code);
  });

  it('keys revoke takes effect on both instances within a second', async () => {
    const user = await instances[0].signUp();
    const { data } = await cli.json(['keys', 'list']);
    const active = data.find((key: Record<string, string>) => key.purpose === 'access' && key.state === 'active');
    expect(await cli.run(['keys', 'revoke', '--yes', '--', active.kid])).toMatchObject({ code: 0, stderr: '' });
    await everywhere(user, 'invalid_token');
    const { body } = await instances[1].http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
    expect((await instances[0].http.get('/welcome').set('Authorization', `Bearer ${body.access_token}`)).status).toBe(
      200,
    );
  });

  it('another JWT_ALGORITHM in the operator’s environment changes no key', async () => {
    const kids = async () => (await cli.json(['keys', 'list'])).data.map(({ kid }: { kid: string }) => kid);
    const before = await kids();
    cli.env.JWT_ALGORITHM = 'RS256';
    expect(await kids()).toEqual(before);
    delete cli.env.JWT_ALGORITHM;
  });

  it('sessions end --all ends more sessions than one statement could', async () => {
    const user = await instances[0].signUp();
    for (let count = 0; count < 3; count++)
      await instances[0].deps.db.$executeRaw`
        INSERT INTO session (id, user_id, nonce_hash, access_expires_at)
        SELECT gen_random_uuid(), ${user.userId}::uuid, '\\x00', clock_timestamp() FROM generate_series(1, 8000)`;
    const live = await instances[0].deps.db.session.count({ where: { endedAt: null } });
    expect(live).toBeGreaterThan(24_000);
    expect(await cli.json(['sessions', 'end', '--all', '--yes'])).toEqual({ ended: live });
    await everywhere(user, 'session_revoked');
  });

  it('doctor receives its own message and finds no problem with the database', async () => {
    const { checks } = await cli.json(['doctor']);
    for (const check of ['database’s clock', 'migrations', 'signing keys', 'LISTEN/NOTIFY'])
      expect(checks).toContainEqual(expect.objectContaining({ check, status: 'ok' }));
  });

  it('doctor says in one line that the database cannot be reached, without its password', async () => {
    const { url } = database;
    cli.env.DATABASE_URL = 'postgresql://gatelatch:hunter2hunter2@127.0.0.1:1/gatelatch';
    const [told, failed] = await Promise.all([cli.run(['doctor']), cli.run(['users', 'list'])]);
    cli.env.DATABASE_URL = url;
    expect(told).toMatchObject({ code: 1, stderr: '' });
    expect(told.stdout).toMatch(/database +problem +The database cannot be used/);
    expect(failed).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^[^\n]+\n$/) });
    expect(told.stdout + failed.stderr).not.toContain('hunter2');
  });
});

// As docs/runbooks/change-auth-secret.md says.
describe('changing AUTH_SECRET on two instances, one after the other', () => {
  const [old, fresh] = ['old', 'new'].map((name) => `${name}-0123456789abcdefghijklmnopqrstuvwxyz`) as [string, string];

  it('refuses no refresh, and both instances return the same new tokens throughout', async () => {
    const database = await createServerDatabase();
    const start = (secrets: Record<string, string>) => startApp(secrets, { databaseUrl: database.url });
    const cli = await createCli({ DATABASE_URL: database.url, AUTH_SECRET: fresh, AUTH_SECRET_PREVIOUS: old });
    const instances = [await start({ AUTH_SECRET: old }), await start({ AUTH_SECRET: old })];
    const user = await instances[0]?.signUp();
    let refresh_token = user?.refreshToken;

    async function refreshEverywhere(): Promise<void> {
      const answers = await Promise.all(
        instances.map(({ http }) => http.post('/auth/refresh').send({ refresh_token })),
      );
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1);
      refresh_token = answers[0]?.body.refresh_token;
      const bearer = `Bearer ${answers[0]?.body.access_token}`;
      for (const { http } of instances)
        expect((await http.get('/welcome').set('Authorization', bearer)).status).toBe(200);
    }

    async function replaceEach(secrets: Record<string, string>): Promise<void> {
      for (const place of [0, 1]) {
        await instances[place]?.stop();
        instances[place] = await start(secrets);
        await refreshEverywhere();
      }
    }

    const signingKeysAre = async (status: string) =>
      expect((await cli.json(['doctor'])).checks).toContainEqual(
        expect.objectContaining({ check: 'signing keys', status }),
      );

    await refreshEverywhere();
    await replaceEach({ AUTH_SECRET: fresh, AUTH_SECRET_PREVIOUS: old });
    await signingKeysAre('warning');
    expect((await cli.json(['keys', 'reseal'])).resealed).toBeGreaterThan(3);
    await refreshEverywhere();
    await signingKeysAre('ok');
    await replaceEach({ AUTH_SECRET: fresh });
    await Promise.all(instances.map((app) => app.stop()));
    await database.drop();
    cli.remove();
  }, 60_000);
});
