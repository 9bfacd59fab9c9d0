import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Row } from '../src/endpoint.js';
import { altered } from './support/altered.js';
import { createServiceUser, insertApiKey, makeKey, makeServiceKey } from './support/api-keys.js';
import { startApp, startAppForTest, type TestApp } from './support/app.js';
import { cookieHeader, cookiesOf } from './support/cookies.js';
import { dumpOf, expectNoSecret, noteServersSecrets } from './support/leaks.js';
import { eventually, outboxEmpty } from './support/mails.js';
import { addPasskey, answerOf, signInWith } from './support/passkeys.js';
import { startApple } from './support/pretended-providers/apple.js';
import { type GitHub, startGitHub } from './support/pretended-providers/github.js';
import { begin, carry, externalCode, goRound, redeem, sentTo, visit } from './support/pretended-providers/go-round.js';
import {
  newPerson,
  type OpenIdProvider,
  settingsOf,
  startOpenIdProvider,
} from './support/pretended-providers/openid.js';
import { goodBody, pathOf, rows } from './support/rows.js';
import { type CliProcess, createCli, run } from './support/run-cli.js';
import { addTotp } from './support/second-factor.js';
import { createSecrets } from './support/secrets.js';
import { refusal, type SmtpSink, startSmtpSink } from './support/smtp-sink.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

// Each of these looks different in every encoding.
const awkward = 'ä"ß\\ö %41+&<x>/=?';
const passwords = {
  admin: `admin ${awkward} of the settings`,
  ann: `ann ${awkward} at sign-up`,
  changed: `ann ${awkward} after the change`,
  reset: `ann ${awkward} after the reset`,
  bob: `bob ${awkward} in a browser`,
  operator: `made ${awkward} on the command line`,
  imported: 'lètmein',
  wrong: `wrong ${awkward} for anybody`,
  metrics: 'for-prometheus-0123456789-0123456789',
  misplaced: `misplaced ${awkward} in no field`,
};
const origin = { Origin: 'http://localhost:3000' };

/** Uses everything once and makes everything fail once. Each test adds to the run, and the last one searches it all. */
describe('After a whole run, no password, token or key has leaked', () => {
  let database: TestDatabase;
  let sink: SmtpSink;
  let corp: OpenIdProvider;
  let apple: OpenIdProvider;
  let github: GitHub;
  let app: TestApp;
  let cli: CliProcess;
  let folder: string;
  const dumps: string[] = [];
  const printed: string[] = [];

  beforeAll(async () => {
    for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const)
      vi.spyOn(console, method).mockImplementation((...args) => void printed.push(args.join(' ')));
    database = await createTestDatabase();
    folder = mkdtempSync(join(tmpdir(), 'gatelatch-secrets-'));
    let refused = 0;
    sink = await startSmtpSink(
      {
        // A server that quotes what it refuses: the link with its token.
        data: async (raw) => {
          if (++refused === 1) throw refusal(451, `Not with ${/\?token=[\w-]+/.exec(raw)}`);
        },
      },
      0,
      {
        authOptional: false,
        allowInsecureAuth: true,
        onAuth: (_auth, _session, done) => done(null, { user: 'mailer' }),
      },
    );
    [corp, apple, github] = await Promise.all([startOpenIdProvider(), startApple(), startGitHub()]);
    const settings = {
      ...settingsOf(corp, apple, github),
      PROVIDER_CORP_TRUST_EMAIL: 'verified',
      LOG_LEVEL: 'trace',
      RATE_LIMIT: 'on',
      REFRESH_GRACE: '0',
      ACCESS_TOKEN_SOURCES: 'bearer,cookie,query,header:x-access-token',
      AUTH_SECRET: `of the settings ${awkward} 0123456789`,
      DATABASE_URL: withPassword(database.url, `of the database ${awkward}`),
      SMTP_URL: `smtp://mailer:${encodeURIComponent(`of the mailer ${awkward}`)}@127.0.0.1:${sink.port}`,
      METRICS_TOKEN: passwords.metrics,
      PASSKEY_ORIGINS: 'https://pages.example',
      PASSKEY_APPS: `ios:ABCDE12345.com.example.app,android:com.example.app:${'AB'.repeat(32)}`,
      ADMIN_USERNAME: 'the-admin',
      ADMIN_PASSWORD: passwords.admin,
    };
    app = await startApp(settings, { databaseUrl: settings.DATABASE_URL });
    cli = await createCli(settings);
    for (const [name, password] of Object.entries(passwords)) app.secrets.add(`the password "${name}"`, password);
    noteServersSecrets(app, app.secrets);
  }, 120_000);

  afterAll(async () => {
    vi.restoreAllMocks();
    // The last test reports what stop() finds.
    await app.stop().catch(() => undefined);
    cli.remove();
    rmSync(folder, { recursive: true });
    await sink.close();
    for (const { server } of [corp, apple, github]) await server.goAway();
    await database.drop();
  });

  const post = (path: string, body: object, headers: object = {}) =>
    app.http
      .post(path)
      .set({ ...headers })
      .send(body);
  const logIn = (username: string, password: string, more: object = {}) =>
    post('/auth/login', { username, password, ...more }, origin);
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
  const mailedToken = async (to: string, subject: RegExp) => {
    const found = () => sink.mails.filter((mail) => mail.to === `<${to}>` && subject.test(mail.subject));
    await eventually(() => found().length > 0, 30_000);
    await outboxEmpty(app, 30_000);
    for (const { token } of found()) app.secrets.add(`a token mailed to ${to}`, token);
    return found().at(-1)?.token;
  };
  const command = async (argv: string[], stdin = '') => {
    const { stdout, stderr } = await cli.run(argv, stdin);
    printed.push(stdout, stderr);
    return stdout;
  };

  it('from a user between sign-up and deletion', async () => {
    const email = 'ann@example.com';
    const { body: signedUp } = await post('/auth/signup', { username: 'ann', password: passwords.ann, email }).expect(
      201,
    );
    await logIn('ann', passwords.wrong).expect(401);
    await logIn(passwords.wrong, passwords.wrong).expect(401);
    await post('/auth/signup', { username: 'ann', password: passwords.wrong }).expect(409);
    await post('/auth/signup', { username: 'cleo', password: 'too short' }).expect(422);
    const verify = await mailedToken(email, /Confirm/);
    dumps.push(await dumpOf(app.deps.db));
    await app.http.get(`/verify-email?token=${verify}`).expect(200);
    await post('/auth/email/verify', { token: verify }).expect(204);
    await post('/auth/email/verify', { token: verify }).expect(400);

    const ann = bearer(signedUp.access_token);
    await app.http.get('/welcome').set('X-Access-Token', signedUp.access_token).expect(200);
    await app.http.get(`/me?access_token=${signedUp.access_token}`).expect(200);
    await app.http.patch('/me').set(ann).send({ email: 'annette@example.com', password: passwords.wrong }).expect(401);
    await app.http.patch('/me').set(ann).send({ email: 'annette@example.com', password: passwords.ann }).expect(200);
    await post('/auth/email/resend', {}, ann).expect(202);
    await post('/auth/email/verify', { token: await mailedToken('annette@example.com', /Confirm/) }).expect(204);
    const change = { current_password: passwords.ann, new_password: passwords.changed };
    await post('/me/password', { ...change, current_password: passwords.wrong }, ann).expect(401);
    await post('/me/password', change, ann).expect(204);

    await post('/auth/password/forgot', { email: 'annette@example.com' }).expect(202);
    const reset = await mailedToken('annette@example.com', /Set a new/);
    dumps.push(await dumpOf(app.deps.db));
    await app.http.get(`/reset-password?token=${reset}`).expect(200);
    await post('/auth/password/reset', { token: reset, password: passwords.reset }).expect(204);
    await post('/auth/password/reset', { token: reset, password: passwords.wrong }).expect(400);

    const { body: first } = await logIn('ann', passwords.reset, { device_token: signedUp.device_token }).expect(200);
    const { body: second } = await post('/auth/refresh', { refresh_token: first.refresh_token }).expect(200);
    const live = bearer(second.access_token);
    const { body: todo } = await post('/todos', { title: 'Water the plants' }, live).expect(201);
    for (const path of ['/todos', `/todos/${todo.id}`, '/me', '/me/export', '/auth/sessions'])
      await app.http.get(path).set(live).expect(200);
    await app.http.patch(`/todos/${todo.id}`).set(live).send({ completed: true }).expect(200);
    await app.http.delete(`/todos/${todo.id}`).set(live).expect(204);
    const { body: other } = await logIn('ann', passwords.reset).expect(200);
    await app.http.delete(`/auth/sessions/${other.session_id}`).set(live).expect(204);
    await app.http.delete('/me').set(live).send({ password: passwords.wrong }).expect(401);
    dumps.push(await dumpOf(app.deps.db));
    await app.http.delete('/me').set(live).send({ password: passwords.reset }).expect(204);
  }, 120_000);

  it('from a browser, a token thief, and logouts', async () => {
    await post('/auth/signup', { username: 'bob', password: passwords.bob, transport: 'cookie' }, origin).expect(201);
    const cookies = cookiesOf(await logIn('bob', passwords.bob, { transport: 'cookie' }).expect(200));
    const byCookie = { ...origin, Cookie: cookieHeader(cookies) };
    await app.http.get('/me').set(byCookie).expect(200);
    const renewed = cookiesOf(await post('/auth/refresh', {}, byCookie).expect(200));
    await post('/auth/refresh', {}, { ...origin, Cookie: cookieHeader(renewed) }).expect(200);
    await post('/auth/refresh', {}, byCookie).expect(401);
    const { body: one } = await logIn('bob', passwords.bob).expect(200);
    await post('/auth/logout', { refresh_token: one.refresh_token }).expect(204);
    await post('/auth/logout', { refresh_token: altered(one.refresh_token) }).expect(401);
    const { body: two } = await logIn('bob', passwords.bob).expect(200);
    await post('/auth/logout-all', {}, bearer(two.access_token)).expect(204);
    await app.http.get('/welcome').set(bearer(two.access_token)).expect(401);
  }, 60_000);

  it('from a user with second factors, and an administrator who removes them', async () => {
    const tom = await app.signUp({ username: 'tom' });
    const { id, bearer: live } = await addTotp(app, tom);
    await app.http.patch(`/me/totp/${id}`).set(live).send({ name: 'Phone' }).expect(200);
    const codes = (await post('/me/recovery-codes', {}, live).expect(200)).body.recovery_codes;
    const passkey = await addPasskey(app, { bearer: live, password: tom.password });
    await app.http.patch(`/me/passkeys/${passkey.id}`).set(live).send({ name: 'Laptop' }).expect(200);
    dumps.push(await dumpOf(app.deps.db));
    const { body: due } = await post('/auth/login', { username: 'tom', password: tom.password }).expect(403);
    const { login_token } = due;
    await post('/auth/login/second-factor', { login_token, code: codes[1].slice(1) }).expect(401);
    dumps.push(await dumpOf(app.deps.db));
    await post('/auth/login/second-factor', { login_token, code: codes[0] }).expect(200);
    await post('/auth/reauthenticate', { password: tom.password, code: codes[1] }, live).expect(200);
    expect((await signInWith(app, passkey.authenticator)).status).toBe(200);
    await app.http.get('/me/sign-in-methods').set(live).expect(200);
    await app.http.get('/me/export').set(live).expect(200);
    await app.http.patch('/me/sign-in-methods').set(live).send({ second_factor: 'any' }).expect(200);
    await app.http.delete('/me/password').set(live).expect(204);
    await post('/me/password', { new_password: tom.password }, live).expect(204);
    await app.http.delete('/me/trusted-devices').set(live).expect(204);
    await app.http.delete(`/me/passkeys/${passkey.id}`).set(live).expect(204);
    await app.http.delete(`/me/totp/${id}`).set(live).expect(204);
    const admin = bearer((await logIn('the-admin', passwords.admin).expect(200)).body.access_token);
    const path = `/admin/users/${tom.userId}`;
    await app.http.get(`${path}/sign-in-methods`).set(admin).expect(200);
    await app.http.delete(`${path}/second-factors`).set(admin).send({ password: passwords.admin }).expect(204);
    for (const file of ['apple-app-site-association', 'assetlinks.json', 'webauthn'])
      await app.http.get(`/.well-known/${file}`).expect(200);
  }, 60_000);

  it('from API keys of a person and of a service user', async () => {
    const kim = await app.signUp({ username: 'kim' });
    const key = await makeKey(app, kim, { scopes: ['profile:read'] });
    await post('/me/api-keys', { name: 'x', scopes: ['users:read'], password: kim.password }, kim.bearer).expect(403);
    for (const path of ['/welcome', '/me']) await app.http.get(path).set(key.bearer).expect(200);
    await app.http.get('/todos').set(key.bearer).expect(403);
    await app.http.get('/me').query({ access_token: key.key }).expect(400);
    await app.http.get('/me').set('Cookie', `access_token=${key.key}`).expect(401);
    await app.http.get('/me').set('x-access-token', key.key).expect(200);
    await app.http
      .get('/me')
      .set(bearer(`${key.key.slice(0, -6)}000000`))
      .expect(401);
    for (const path of ['/me/api-keys', '/me/export']) await app.http.get(path).set(kim.bearer).expect(200);
    dumps.push(await dumpOf(app.deps.db));
    const { body } = await logIn('the-admin', passwords.admin).expect(200);
    const admin = { ...kim, bearer: bearer(body.access_token) };
    const service = await createServiceUser(app, ['user']);
    const { id } = await makeServiceKey(app, admin, service, ['todos:read']);
    const path = `/admin/users/${service.id}/api-keys`;
    await app.http.get(path).set(admin.bearer).expect(200);
    await app.http.delete(`${path}/${id}`).set(admin.bearer).expect(204);
    await app.http.delete(`/me/api-keys/${key.id}`).set(kim.bearer).expect(204);
    await app.http.get('/me').set(key.bearer).expect(401);
  });

  it('from people who sign in by a provider, and link one to a user', async () => {
    await app.http.get('/auth/providers').expect(200);
    for (const provider of [corp, apple, github]) {
      expect((await goRound(app, provider)).status).toBe(201);
      const proof = await externalCode(app, provider);
      dumps.push(await dumpOf(app.deps.db));
      expect((await redeem(app, proof)).status).toBe(200);
      expect((await redeem(app, proof)).status).toBe(400);
      const flow = await begin(app, provider);
      const answer = await visit(app, provider, flow.url);
      dumps.push(await dumpOf(app.deps.db));
      // The provider refuses it, and may say why.
      answer.parameters.code = `${answer.parameters.code}`.replace(/.$/, '_');
      app.secrets.add('a wrong code of a provider', answer.parameters.code);
      expect(sentTo(await carry(app, answer)).get('error')).toBe('external_login_failed');
      expect((await carry(app, answer)).status).toBe(400);
      provider.server.trouble = { '/token': 'answers a page', '/api/v3/user': 'answers 500' };
      await carry(app, await visit(app, provider, (await begin(app, provider)).url));
      provider.server.trouble = {};
    }
    const { email, ...uma } = {
      ...(await app.signUp({ username: 'uma', email: 'uma@example.com' })),
      email: 'uma@example.com',
    };
    await post('/auth/email/verify', { token: await mailedToken(email, /Confirm/) }).expect(204);
    corp.person = newPerson({ email, email_verified: true });
    const { link_token } = (await goRound(app, corp)).body;
    dumps.push(await dumpOf(app.deps.db));
    const linked = await post('/me/identities', { link_token, password: uma.password }, uma.bearer).expect(201);
    await post('/me/identities', { link_token, password: uma.password }, uma.bearer).expect(400);
    await post('/auth/external', { provider: 'nobody' }).expect(422);
    await app.http.get('/me/export').set(uma.bearer).expect(200);
    const unlink = () => app.http.delete(`/me/identities/${linked.body.id}`).set(uma.bearer);
    await unlink().send({ password: passwords.wrong }).expect(401);
    await unlink().send({ password: uma.password }).expect(204);
  }, 60_000);

  it('from an administrator', async () => {
    const { body: bob } = await logIn('bob', passwords.bob).expect(200);
    const admin = bearer((await logIn('the-admin', passwords.admin).expect(200)).body.access_token);
    const path = `/admin/users/${bob.user.id}`;
    for (const read of ['/admin/users', path, `${path}/sessions`, '/admin/roles', '/admin/invitations', '/admin/audit'])
      await app.http.get(read).set(admin).expect(200);
    await app.http
      .patch(path)
      .set(admin)
      .send({ roles: ['editor'] })
      .expect(200);
    await post(`${path}/logout`, {}, admin).expect(204);
    await app.http.delete(path).set(admin).expect(204);
    await post('/admin/users', { kind: 'service', username: 'machine' }, admin).expect(201);
    await post('/admin/invitations', { email: 'iris@example.com' }, admin).expect(201);
    const invitation = await mailedToken('iris@example.com', /invited/);
    dumps.push(await dumpOf(app.deps.db));
    await app.http.get(`/accept-invitation?token=${invitation}`).expect(200);
    await post('/auth/signup', { username: 'iris', password: passwords.wrong, invitation: 'Qx'.repeat(21) }).expect(
      400,
    );
    await post('/auth/signup', { username: 'iris', password: passwords.ann, invitation }).expect(201);
    const { body: other } = await post('/admin/invitations', { email: 'jan@example.com' }, admin).expect(201);
    await app.http.delete(`/admin/invitations/${other.id}`).set(admin).expect(204);
    const { body: webhook } = await post(
      '/admin/webhooks',
      { url: 'https://hooks.example.com/', events: ['*'] },
      admin,
    ).expect(201);
    const hook = `/admin/webhooks/${webhook.id}`;
    await post(`${hook}/rotate-secret`, {}, admin).expect(200);
    const { body: pinged } = await post(`${hook}/ping`, {}, admin).expect(202);
    await post(`${hook}/deliveries/${pinged.event_id}/retry`, {}, admin).expect(202);
    await post(`${hook}/replay`, { since: '2020-01-01T00:00:00Z' }, admin).expect(202);
    for (const read of ['/admin/webhooks', hook, `${hook}/deliveries`]) await app.http.get(read).set(admin).expect(200);
    await app.http.patch(hook).set(admin).send({ description: 'The shop' }).expect(200);
    dumps.push(await dumpOf(app.deps.db));
    await app.http.delete(hook).set(admin).expect(204);
    for (const open of ['/.well-known/jwks.json', '/healthz', '/readyz']) await app.http.get(open).expect(200);
    await app.http.get('/metrics').set(bearer(passwords.metrics)).expect(200);
  }, 60_000);

  it.each(rows)('from a stranger at $name', async ({ row }) => {
    const send = (path = pathOf(row), headers: object = {}) =>
      app.http[row.method.toLowerCase() as 'post'](path).set({ ...headers });
    const { misplaced } = passwords;
    const inQuery = new URLSearchParams({ password: misplaced, token: misplaced, access_token: misplaced });
    const json = { 'Content-Type': 'application/json' };
    const forged = bearer(`eyJ.${Buffer.from(misplaced).toString('base64url')}.e30`);
    const answers = [
      await send(`${pathOf(row)}?${inQuery}`),
      await send(pathOf(row), { ...forged, 'X-Misplaced': Buffer.from(misplaced).toString('hex') }),
      await send().auth('ann', misplaced),
    ];
    if (row.endpoint.body)
      answers.push(
        await send(pathOf(row), json).send(`{"password":${JSON.stringify(misplaced)}, "token":`),
        await send(pathOf(row), json).send(JSON.stringify({ ...goodBody(row), more: misplaced.repeat(5_000) })),
        await send(pathOf(row), json).send(JSON.stringify({ password: [misplaced], token: { misplaced } })),
        await send(pathOf(row), { 'Content-Type': 'text/plain' }).send(misplaced),
      );
    if (row.endpoint.form)
      for (const fields of [{ token: misplaced }, { ...goodBody(row), client_id: misplaced, client_secret: misplaced }])
        answers.push(await send().type('form').send(fields));
    for (const { status } of answers) expect(status).toBeLessThan(500);
  });

  it('from a program that speaks OAuth', async () => {
    const { user, access_token } = (await logIn('the-admin', passwords.admin).expect(200)).body;
    const { key } = await insertApiKey(app, user.id, ['tokens:introspect']);
    const client = { grant_type: 'client_credentials', client_id: user.id, client_secret: key };
    const form = (path: string, fields: object) => app.http.post(path).type('form').send(fields);
    const { body } = await form('/oauth/token', client).expect(200);
    for (const token of [access_token, key, body.access_token])
      for (const as of [key, body.access_token]) await form('/oauth/introspect', { token }).set(bearer(as)).expect(200);
    await form('/oauth/introspect', { token: key }).auth(user.id, key).expect(200);
    for (const token of [access_token, key, body.access_token]) await form('/oauth/revoke', { token }).expect(200);
    await form('/oauth/token', client).expect(401);
    await app.http.get('/.well-known/oauth-authorization-server').expect(200);
  });

  it('from the operator’s commands, with good and bad input', async () => {
    const file = (name: string, lines: string[]) => {
      writeFileSync(join(folder, name), lines.join('\n'));
      return join(folder, name);
    };
    const hash = 'pbkdf2_sha1$20000$seasalt2$pJt86NmjAweBY1StBvxCu7l1o9o=';
    const lines = file('users.jsonl', [
      JSON.stringify({ username: 'dora', password_hash: hash }),
      JSON.stringify({ username: 'dora', password_hash: passwords.misplaced }),
      JSON.stringify({ username: passwords.misplaced, password_hash: hash, password: passwords.misplaced }),
      `{"password":"${passwords.misplaced}`,
    ]);
    await command(['users', 'create', 'eve', '--role', 'editor'], `${passwords.operator}\n`);
    await command(['users', 'create', 'fay'], 'too short\n');
    await command(['users', 'create', 'eve'], `${passwords.operator}\n`);
    const made = await command(['users', 'create', 'gil', '--generate-password', '--json']);
    const { generated_password } = JSON.parse(made);
    // This output is meant to contain the password.
    printed.splice(printed.indexOf(made), 1);
    app.secrets.add('the password that was made for gil', generated_password);
    await logIn('gil', generated_password).expect(200);
    await logIn('eve', passwords.operator).expect(200);
    await command(['users', 'import', lines]);
    await logIn('dora', passwords.imported).expect(200);
    await command(['users', 'export', join(folder, 'export.jsonl')]);
    printed.push(readFileSync(join(folder, 'export.jsonl'), 'utf8'));
    for (const line of [
      'users list',
      'users show eve',
      'users roles eve admin',
      'users disable eve',
      'users enable eve',
    ])
      await command(line.split(' '));
    for (const line of ['sessions list gil', 'sessions end --user gil', 'users delete --yes gil', 'keys list'])
      await command(line.split(' '));
    await app.deps.db.$executeRaw`UPDATE signing_key SET created_at = created_at - interval '1 day'`;
    for (const line of ['keys rotate', 'keys reseal', 'purge', 'audit verify', 'doctor', 'frobnicate'])
      await command(line.split(' '));
    await app.deps.keys.reload();
    noteServersSecrets(app, app.secrets);
    const retired = await app.deps.db.signingKey.findFirstOrThrow({ where: { NOT: { retiredAt: null } } });
    await command(['keys', 'revoke', '--yes', '--', retired.id]);
  }, 120_000);

  it('from a start that fails', async () => {
    const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
    const secret = encodeURIComponent(passwords.misplaced);
    const all = {
      DATABASE_URL: `postgresql://gatelatch:${secret}@127.0.0.1:1/gatelatch`,
      REDIS_URL: `redis://:${secret}@127.0.0.1:1`,
      SMTP_URL: `smtp://mailer:${secret}@127.0.0.1:1`,
      AUTH_SECRET: `${passwords.misplaced} ${passwords.misplaced}`,
      PORT: '0',
    };
    const wrong: Record<string, string>[] = [
      {},
      Object.fromEntries(Object.entries(all).map(([name, value]) => [name, `x${value}`])),
      {
        AUTH_SECRET: passwords.misplaced.slice(0, 30),
        MAIL_FROM: passwords.misplaced,
        ADMIN_PASSWORD: passwords.wrong,
      },
    ];
    const start = (script: string[], settings: Record<string, string>) =>
      run(process.execPath, script, '', { cwd: folder, env: { ...all, ...settings }, stopAt: /waiting for it/ });
    for (const settings of wrong)
      for (const script of [[main], [main.replace('main.js', 'cli.js'), 'doctor']]) {
        const { code, ...output } = await start(script, settings);
        // A server waits for a database that is only unavailable; then it is stopped.
        const waited = /waiting for it/.test(output.stdout);
        expect(waited).toBe(settings === wrong[0] && script[0] === main);
        expect(code).toBe(waited ? 0 : 1);
        printed.push(...Object.values(output));
      }
  }, 60_000);

  it('from limits whose Redis is unavailable', async () => {
    const password = `of Redis ${awkward}`;
    const url = `redis://:${encodeURIComponent(password)}@127.0.0.1:1`;
    const other = await startAppForTest({ RATE_LIMIT: 'on', LOG_LEVEL: 'trace', REDIS_URL: url });
    await other.http.post('/auth/login').send({ username: 'nobody', password: passwords.wrong }).expect(401);
    expect(JSON.stringify(other.logs)).toContain('store of the rate limits is down');
    printed.push(JSON.stringify(other.logs));
    app.secrets.add('the password in REDIS_URL', password);
  });

  it('from a passkey between enrolment and removal', async () => {
    const pia = await app.signUp({ username: 'pia' });
    const { id, authenticator } = await addPasskey(app, pia);
    expect((await signInWith(app, authenticator)).status).toBe(200);
    await post('/auth/login/passkey', { passkey: await answerOf(app, authenticator, { rpId: 'x.example' }) }).expect(
      401,
    );
    await post('/auth/login/passkey', { passkey: authenticator.get({ challenge: 'AAAA' }) }).expect(400);
    await post('/me/passkeys/options', {}, pia.bearer).expect(422);
    await post('/me/passkeys', {}, pia.bearer).expect(422);
    const passkey = app.http.patch(`/me/passkeys/${id}`).set(pia.bearer);
    await passkey.send({ name: 'Pia’s phone' }).expect(200);
    await app.http.patch(`/me/passkeys/${id}`).set(pia.bearer).send({}).expect(422);
    const remove = (password: string) => app.http.delete(`/me/passkeys/${id}`).set(pia.bearer).send({ password });
    await remove(passwords.wrong).expect(401);
    await remove(pia.password).expect(204);
    for (const name of ['apple-app-site-association', 'assetlinks.json', 'webauthn'])
      await app.http.get(`/.well-known/${name}`).expect(200);
  });

  it('from internal errors, with the values in the database’s messages', async () => {
    const { db } = app.deps;
    const { body } = await post('/auth/signup', { username: 'hal', password: passwords.ann, email: 'hal@example.com' });
    const hal = bearer(body.access_token);
    for (const table of ['"user"', 'session', 'outbox', 'one_time_token', 'todo'])
      await db.$executeRawUnsafe(`ALTER TABLE ${table} ADD CONSTRAINT broken CHECK (false) NOT VALID`);
    const answers = [
      await post('/auth/signup', { username: 'ida', password: passwords.ann, email: 'ida@example.com' }),
      await logIn('hal', passwords.ann),
      await post('/auth/refresh', { refresh_token: body.refresh_token }),
      await post('/auth/password/forgot', { email: 'hal@example.com' }),
      await post('/me/password', { current_password: passwords.ann, new_password: passwords.changed }, hal),
      await post('/todos', { title: 'Water the plants' }, hal),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 500));
    for (const table of ['"user"', 'session', 'outbox', 'one_time_token', 'todo'])
      await db.$executeRawUnsafe(`ALTER TABLE ${table} DROP CONSTRAINT broken`);
  });

  it('to the log, database, responses, mails or output, although every row was used and refused', async () => {
    const seen = app.logs.filter(({ msg }) => msg === 'request') as { method: string; path: string; status: number }[];
    const statusesOf = ({ method, path }: Row) => {
      const pattern = new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`);
      return seen.filter((line) => line.method === method && pattern.test(line.path)).map(({ status }) => status);
    };
    const canRefuse = ({ endpoint, guard }: Row) => endpoint.body !== undefined || guard.refusals.length > 0;
    const isGood = ({ endpoint }: Row, status: number) => status < 300 || status === endpoint.reply[0];
    // It is there only where JWT_ISSUER has a path.
    const here = rows.filter(({ row }) => !row.path.endsWith('/{rest}'));
    expect(here.filter(({ row }) => !statusesOf(row).some((status) => isGood(row, status)))).toEqual([]);
    expect(rows.filter(({ row }) => canRefuse(row) && !statusesOf(row).some((status) => status >= 400))).toEqual([]);
    const mails = sink.mails.map(({ raw, token }) => (token ? raw.replaceAll(token, '') : raw));
    dumps.push(await dumpOf(app.deps.db));
    for (const kept of [/"username": "hal"/, /"sealed": "\\\\x/]) expect(kept.test(dumps.join())).toBe(true);
    await app.stop();
    expectNoSecret(app.secrets, {
      database: dumps.join('\n'),
      mails: mails.join('\n'),
      output: printed.join('\n'),
    });
    const withoutExport = printed.filter((text) => !text.includes('password_hash'));
    expect(/.{200}(\$argon2|pbkdf2_).{80}/.exec(JSON.stringify([app.logs, withoutExport]))?.[0]).toBeUndefined();
  }, 60_000);
});

describe('The search finds a secret', () => {
  const secret = `a secret ${awkward}`;
  const bytes = Buffer.from(secret);

  it.each([
    ['as it is', secret],
    ['in JSON', JSON.stringify({ secret })],
    ['in JSON within JSON', JSON.stringify({ message: JSON.stringify({ secret }) })],
    ['in a URL', `/?x=${encodeURIComponent(secret)}`],
    ['in a form', `${new URLSearchParams({ secret })}`],
    ['in lower case', secret.toLowerCase()],
    ['in hex', `\\x00${bytes.toString('hex')}00`],
    ['in capital hex', bytes.toString('hex').toUpperCase()],
    ['in base64', bytes.toString('base64')],
    ['in base64 with others before it', Buffer.from(`u:${secret}:`).toString('base64')],
    ['in base64url with others before it', Buffer.from(`user:${secret}`).toString('base64url')],
  ])('%s', (_, text) => {
    const secrets = createSecrets();
    secrets.add('it', secret);
    expect(secrets.foundIn(`before ${text} behind`)).not.toEqual([]);
    expect(secrets.foundIn('before behind')).toEqual([]);
  });

  it('in a row of the database, in any table and type', async () => {
    const { deps, secrets } = await startAppForTest();
    secrets.add('it', secret);
    await deps.db.$executeRaw`CREATE TABLE planted (content bytea)`;
    await deps.db.$executeRaw`INSERT INTO planted VALUES (${bytes})`;
    expect(() => expectNoSecret(secrets, { database: '' })).not.toThrow();
    const database = await dumpOf(deps.db);
    expect(() => expectNoSecret(secrets, { database })).toThrow(/^Secrets where none may be:\ndatabase: it, in hex$/);
    await deps.db.$executeRaw`DROP TABLE planted`;
  });
});

/** Adds a password to the URL, which a server that trusts local users ignores. */
function withPassword(url: string, password: string): string {
  if (!url.startsWith('postgres')) return url;
  const changed = new URL(url);
  if (changed.password === '') changed.password = password;
  return changed.href;
}
