import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sealAudit } from '../../src/audit/chain/seal.js';
import { insertPasskeys } from '../second-factor/passkey-rows.js';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { eventually } from '../support/mails.js';
import { withRole } from '../support/rows.js';
import { type CliProcess, createCli } from '../support/run-cli.js';
import { addTotp, codeOf } from '../support/second-factor.js';
import { onServer } from '../support/template-databases.js';
import { createEmbeddedDatabase, createServerDatabase, type TestDatabase } from '../support/test-database.js';
import { startReceiver } from '../support/webhook-receiver.js';
import { createWebhook } from '../support/webhooks.js';

describe('db copy', { timeout: 60_000 }, () => {
  let embedded: TestDatabase;
  let server: TestDatabase;
  let cli: CliProcess;
  let directory: string;

  beforeEach(async () => {
    embedded = createEmbeddedDatabase();
    directory = embedded.url.slice('pglite:'.length);
    server = await createServerDatabase('empty');
    cli = await createCli({ DATABASE_URL: server.url });
  }, 120_000);
  afterEach(async () => {
    await embedded.drop();
    await server.drop();
    cli.remove();
  });

  const refresh = (app: TestApp, refresh_token: string) => app.http.post('/auth/refresh').send({ refresh_token });
  const onEmbedded = () => startApp({}, { databaseUrl: embedded.url });
  const onServerApp = () => startAppForTest({}, { databaseUrl: server.url });

  /** Creates difficult text, a refreshed and an ended session, roles, todos and a sealed audit. */
  async function live(app: TestApp): Promise<{ user: SignedUp; refreshed: string; ended: SignedUp }> {
    const user = await app.signUp({ email: "o'hara+x@example.com" });
    await app.deps.db.user.update({ where: { id: user.userId }, data: { roles: ['a,b', 'c"d\\e', 'NULL', ''] } });
    for (const title of ['tab\tand\nline', '\\N', '{"json": [1, "ü", "\u{1f511}"]}'])
      await app.http.post('/todos').set(user.bearer).send({ title }).expect(201);
    const ended = await app.signUp();
    await app.http.post('/auth/logout').set(ended.bearer).expect(204);
    const { body } = await refresh(app, user.refreshToken);
    await sealAudit(app.deps);
    return { user, refreshed: body.refresh_token, ended };
  }

  it('copies everything: passwords, live tokens, ended sessions, todos and the audit chain', async () => {
    const old = await onEmbedded();
    const { user, refreshed, ended } = await live(old);
    const seen = await old.http.get('/me/export').set(user.bearer);
    const key = (await old.http.get('/.well-known/jwks.json')).body;
    await old.stop();

    const { copied } = await cli.json(['db', 'copy', directory]);
    expect(copied).toContainEqual({ table: 'user', rows: 2 });
    expect(copied).toContainEqual({ table: 'todo', rows: 3 });
    expect(await cli.json(['audit', 'verify'])).toMatchObject({ holds: true, events: 3 });

    const app = await onServerApp();
    expect((await app.http.get('/.well-known/jwks.json')).body).toEqual(key);
    expect((await app.http.get('/welcome').set(user.bearer)).status).toBe(200);
    expect((await app.http.get('/me/export').set(user.bearer)).body).toEqual(seen.body);
    const { status, body } = await refresh(app, refreshed);
    expect([status, body.session_id]).toEqual([200, user.sessionId]);
    const { username, password } = user;
    const login = { username, password, device_token: user.deviceToken };
    expect((await app.http.post('/auth/login').send(login)).body.user.id).toBe(user.userId);
    expect((await app.http.get('/welcome').set(ended.bearer)).body.code).toBe('session_revoked');
    expect((await refresh(app, ended.refreshToken)).body.code).toBe('session_revoked');
    // Numbering continues after the copied rows.
    await app.http.post('/auth/logout').set(user.bearer).expect(204);
    await sealAudit(app.deps);
    expect(await cli.json(['audit', 'verify'])).toMatchObject({ holds: true });
  });

  it('copies second factors: an authenticator app that waits for its first code takes it on the other side', async () => {
    const old = await onEmbedded();
    const user = await old.signUp();
    await insertPasskeys(old, user.userId, 1);
    const confirmed = await old.signUp();
    await addTotp(old, confirmed);
    const begun = await old.http.post('/me/totp').set(user.bearer).send({ password: user.password }).expect(201);
    await old.stop();

    const { copied } = await cli.json(['db', 'copy', directory]);
    expect(copied).toContainEqual({ table: 'totp', rows: 2 });
    expect(copied).toContainEqual({ table: 'recovery_code', rows: 10 });
    const app = await onServerApp();
    const { id, secret } = begun.body;
    const code = codeOf(secret);
    await app.http.post(`/me/totp/${id}/confirm`).set(user.bearer).send({ code }).expect(200);
    const { body } = await app.http.get('/me/sign-in-methods').set(user.bearer).expect(200);
    expect(body).toMatchObject({ second_factor: 'any', totp: [{ id }], passkeys: [{ synced: true }] });
  });

  it('copies webhooks with what waits for them: each event is sent from there, signed as before, and none twice', async () => {
    const old = await onEmbedded();
    const admin = await withRole(old, await old.signUp(), 'admin');
    const receiver = await startReceiver();
    const { id, secret } = await createWebhook(old, admin, { events: ['user.created'] });
    // The old server may not send to it.
    await old.deps.db.webhook.update({ where: { id }, data: { url: receiver.url } });
    await old.signUp();
    await old.stop();

    const { copied } = await cli.json(['db', 'copy', directory]);
    expect(copied).toContainEqual({ table: 'webhook', rows: 1 });
    expect(copied).toContainEqual({ table: 'webhook_delivery', rows: 1 });
    const app = await startAppForTest({ WEBHOOK_ALLOW: '127.0.0.0/8' }, { databaseUrl: server.url });
    await app.deps.db.$executeRaw`UPDATE webhook_delivery SET due_at = clock_timestamp()`;
    await app.http.post(`/admin/webhooks/${id}/ping`).set(admin.bearer).expect(202);
    await eventually(() => receiver.received.length === 2);
    expect(receiver.received.map(({ type }) => type).sort()).toEqual(['user.created', 'webhook.ping']);
    for (const { body, headers } of receiver.received) new Webhook(secret).verify(body, headers);
  });

  it('copies every value exactly', async () => {
    const old = await onEmbedded();
    await live(old);
    const contents = async ({ deps: { db } }: TestApp) => ({
      users: await db.$queryRaw`SELECT u::text FROM "user" u ORDER BY id`,
      sessions: await db.$queryRaw`SELECT s::text FROM session s ORDER BY id`,
      events: await db.$queryRaw`SELECT e::text FROM audit_event e ORDER BY id`,
      keys: await db.$queryRaw`SELECT k::text FROM signing_key k ORDER BY id`,
      revocations: await db.$queryRaw`SELECT r::text FROM revocation r ORDER BY id`,
    });
    const before = await contents(old);
    await old.stop();
    await cli.json(['db', 'copy', directory]);
    expect(await contents(await onServerApp())).toEqual(before);
  });

  it('copies more rows than fit into one batch', async () => {
    const old = await onEmbedded();
    const { userId } = await old.signUp();
    await old.deps.db.$executeRaw`
      INSERT INTO todo (id, user_id, title)
      SELECT gen_random_uuid(), ${userId}::uuid, 'todo ' || n FROM generate_series(1, 2500) n`;
    await old.stop();
    expect((await cli.json(['db', 'copy', directory])).copied).toContainEqual({ table: 'todo', rows: 2500 });
  });

  it('is refused while a server uses the directory, with a line that names the process', async () => {
    const old = await onEmbedded();
    const { code, stdout, stderr } = await cli.run(['db', 'copy', directory]);
    await old.stop();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(`${stderr.trim()}\n`);
    expect(stderr).toContain(`${directory} is in use by process ${process.pid} (since `);
    expect(stderr).toMatch(/Stop it first\.\n$/);
  });

  it('is refused if the target has been used, but replaces what a first start has created there', async () => {
    const old = await onEmbedded();
    const { user } = await live(old);
    await old.stop();
    const started = await startApp({}, { databaseUrl: server.url });
    await started.stop();
    await cli.json(['db', 'copy', directory]);
    const again = await cli.run(['db', 'copy', directory]);
    expect(again).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/has or had users/) });
    expect((await (await onServerApp()).http.get('/welcome').set(user.bearer)).status).toBe(200);
  });

  it('leaves the target unchanged if it fails half-way', async () => {
    const old = await onEmbedded();
    await live(old);
    await old.stop();
    const started = await startApp({}, { databaseUrl: server.url });
    const key = (await started.http.get('/.well-known/jwks.json')).body;
    await started.stop();
    await onServer(server.url, 'ALTER TABLE todo ADD CONSTRAINT refused CHECK (title NOT LIKE $$%json%$$)');
    const { code, stderr } = await cli.run(['db', 'copy', directory]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^.*"?refused"?.*\n$/);
    const app = await onServerApp();
    expect((await app.http.get('/.well-known/jwks.json')).body).toEqual(key);
    expect(await app.deps.db.user.count()).toBe(0);
  });

  it('is refused if AUTH_SECRET is not the one of the embedded server', async () => {
    const old = await onEmbedded();
    await old.stop();
    cli.env.AUTH_SECRET = 'another-one-0123456789abcdefghijklmnopqrstuvwxyz';
    expect(await cli.run(['db', 'copy', directory])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^AUTH_SECRET does not open the signing keys/),
    });
  });

  it('is refused if there is no database to copy, or if the target is embedded', async () => {
    const nowhere = join(cli.cwd, 'nowhere');
    expect((await cli.run(['db', 'copy', nowhere])).stderr).toBe(`There is no embedded database in ${nowhere}.\n`);
    cli.env.DATABASE_URL = `pglite:${nowhere}`;
    expect((await cli.run(['db', 'copy', directory])).stderr).toMatch(/^DATABASE_URL must name the Postgres server/);
    rmSync(nowhere, { recursive: true, force: true });
  });
});
