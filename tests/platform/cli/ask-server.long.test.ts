import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, startApp, type TestApp } from '../../support/app.js';
import { mailTo } from '../../support/mails.js';
import { type Cli, type CliProcess, cliOverSocket, createCli } from '../../support/run-cli.js';
import { createEmbeddedDatabase, type TestDatabase } from '../../support/test-database.js';

describe('the commands next to a running embedded server', () => {
  let database: TestDatabase;
  let app: TestApp;
  let cli: Cli;
  let typed: CliProcess;

  beforeAll(async () => {
    database = createEmbeddedDatabase();
    app = await startApp({}, { databaseUrl: database.url });
    cli = cliOverSocket(database.url);
    typed = await createCli({ DATABASE_URL: database.url });
  }, 120_000);
  afterAll(async () => {
    await app.stop();
    await database.drop();
    typed.remove();
  });

  const statusWith = async (bearer: Record<string, string>) => {
    const { status, body } = await app.http.get('/welcome').set(bearer);
    return [status, body.code];
  };
  const lastEvent = () => app.deps.db.auditEvent.findFirst({ orderBy: { at: 'desc' } });

  it('users create makes an admin who can log in, and no output shows the password', async () => {
    const argv = ['users', 'create', 'Root', '--role', 'admin', '--role', 'admin', '--email', 'root@example.com'];
    const ran = await typed.run(argv, `${goodPassword}\nnot this line\n`);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(
      /^username +Root\nid +[0-9a-f-]{36}\nkind +person\ne-mail +root@example.com \(not verified\)\nroles +admin\n/,
    );
    expect(ran.stdout).not.toContain(goodPassword);
    const { body } = await app.http.post('/auth/login').send({ username: 'root', password: goodPassword });
    expect(body.user).toMatchObject({ username: 'Root', roles: ['admin'] });
    expect(
      await app.deps.db.auditEvent.findFirst({ where: { action: 'user.created', userId: body.user.id } }),
    ).toMatchObject({ actorId: null, ip: null });
  });

  it('users create checks the password policy and that the username is free, and refuses in one line', async () => {
    expect(await cli.run(['users', 'create', 'root2'], 'short')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'The password has 5 characters; at least 15 are needed.\n',
    });
    expect(await cli.run(['users', 'create', 'ROOT', '--generate-password'])).toEqual({
      code: 1,
      stdout: '',
      stderr: 'The username is taken.\n',
    });
  });

  it('users create --generate-password prints the password once, and it logs in', async () => {
    const made = await cli.json(['users', 'create', 'generated', '--generate-password']);
    expect(made).toMatchObject({ username: 'generated', roles: [], disabled: false });
    const { status } = await app.http
      .post('/auth/login')
      .send({ username: 'generated', password: made.generated_password });
    expect(status).toBe(200);
    expect(JSON.stringify(await cli.json(['users', 'show', 'generated']))).not.toContain(made.generated_password);
    expect(JSON.stringify(app.logs)).not.toContain(made.generated_password);
  });

  it('users disable makes the live token of a user invalid at once', async () => {
    const user = await app.signUp();
    expect(await statusWith(user.bearer)).toEqual([200, undefined]);
    expect(await typed.json(['users', 'disable', user.username])).toMatchObject({ id: user.userId, disabled: true });
    expect(await statusWith(user.bearer)).toEqual([401, 'session_revoked']);
    expect(await cli.json(['users', 'enable', user.userId])).toMatchObject({ disabled: false });
    expect(await statusWith(user.bearer)).toEqual([401, 'session_revoked']);
    const { status } = await app.http.post('/auth/login').send({ username: user.username, password: user.password });
    expect(status).toBe(200);
  });

  it('users roles sets the whole list, and makes older tokens stale at once', async () => {
    const user = await app.signUp();
    expect(await cli.json(['users', 'roles', user.username, 'admin', 'editor'])).toMatchObject({
      roles: ['admin', 'editor'],
    });
    expect(await statusWith(user.bearer)).toEqual([401, 'token_stale']);
    expect(await cli.run(['users', 'roles', user.username])).toMatchObject({ code: 2, stdout: '' });
    expect(await cli.json(['users', 'roles', user.username, '--none'])).toMatchObject({ roles: [] });
    expect(await lastEvent()).toMatchObject({ action: 'roles.changed', userId: user.userId, actorId: null });
  });

  it('users create and users roles refuse an unknown role, and list those that there are', async () => {
    const user = await app.signUp();
    for (const argv of [
      ['users', 'roles', user.username, 'unheard-of'],
      ['users', 'create', 'someone', '--role=unheard-of', '--generate-password'],
      ['invitations', 'create', 'ada@example.com', '--role=unheard-of'],
    ]) {
      const { code, stderr } = await cli.run(argv);
      expect([code, stderr.split('\n')[0]]).toEqual([
        2,
        'The role "unheard-of" is not acceptable. There is no such role: src/own/permissions.ts makes them. There are admin, user, editor.',
      ]);
    }
  });

  it('roles list shows each role with what it gives', async () => {
    const { roles } = await cli.json(['roles', 'list']);
    expect(roles.map(({ name }: { name: string }) => name)).toEqual(['admin', 'user', 'editor']);
    expect((await cli.run(['roles', 'list'])).stdout).toMatch(/^user +profile:read todos:read todos:write +/m);
  });

  it('users create --service makes a service user, which takes no password and no e-mail', async () => {
    const made = await cli.json(['users', 'create', 'Nightly', '--service', '--role', 'editor']);
    expect(made).toMatchObject({ kind: 'service', username: 'Nightly', email: null, roles: ['editor'] });
    expect((await cli.run(['users', 'show', 'nightly'])).stdout).toMatch(/^kind +service$/m);
    for (const more of [['--email=a@example.com'], ['--generate-password']])
      expect(await cli.run(['users', 'create', 'other', '--service', ...more])).toMatchObject({ code: 2, stdout: '' });
  });

  it('invitations create mails a link, list shows who waits, and end takes it back', async () => {
    const made = await cli.json(['invitations', 'create', 'Iris@example.com', '--role', 'editor']);
    expect(made).toMatchObject({ email: 'Iris@example.com', roles: ['editor'], invited_by: null });
    expect((await mailTo(app, 'Iris@example.com')).text).toContain('/accept-invitation?token=');
    expect((await cli.json(['invitations', 'list'])).data).toEqual([made]);
    expect((await cli.run(['invitations', 'list'])).stdout).toContain('the operator');
    expect(await cli.json(['invitations', 'end', made.id])).toEqual({ id: made.id, ended: true });
    expect(await cli.run(['invitations', 'end', made.id])).toMatchObject({ code: 1, stdout: '' });
    expect(await cli.run(['invitations', 'end', 'no-id'])).toMatchObject({ code: 2, stdout: '' });
    expect((await cli.run(['invitations', 'list'])).stdout).toBe('No invitation waits.\n');
    await app.signUp({ email: 'taken@example.com' });
    expect((await cli.run(['invitations', 'create', 'taken@example.com'])).stderr).toBe(
      'The e-mail address is taken.\n',
    );
  });

  it('users delete needs --yes, and then the user and their tokens are gone', async () => {
    const user = await app.signUp();
    const refused = await cli.run(['users', 'delete', user.username]);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('add --yes');
    expect(await statusWith(user.bearer)).toEqual([200, undefined]);
    expect(await cli.json(['users', 'delete', user.username, '--yes'])).toMatchObject({
      id: user.userId,
      deleted: true,
    });
    expect(await statusWith(user.bearer)).toEqual([401, 'session_revoked']);
    expect(await cli.run(['users', 'show', user.username])).toEqual({
      code: 1,
      stdout: '',
      stderr: `There is no user "${user.username}".\n`,
    });
  });

  it('users list goes through all users page by page', async () => {
    const names: string[] = [];
    let after: string[] = [];
    for (;;) {
      const { data, next_cursor } = await cli.json(['users', 'list', '--limit=2', ...after]);
      names.push(...data.map(({ username }: { username: string }) => username.toLowerCase()));
      if (next_cursor === null) break;
      after = [`--after=${next_cursor}`];
    }
    expect(names.length).toBe(await app.deps.db.user.count());
    expect(new Set(names).size).toBe(names.length);
  }, 60_000);

  it('sessions list shows what a client sent, without characters that control a terminal', async () => {
    const user = await app.signUp();
    await app.deps.db.session.update({
      where: { id: user.sessionId },
      data: { userAgent: 'evil\u001b[2Jagent\u202e' },
    });
    const { stdout } = await cli.run(['sessions', 'list', user.username]);
    expect(stdout).toContain('evil?[2Jagent?');
    const { data } = await cli.json(['sessions', 'list', user.username]);
    expect(data).toEqual([expect.objectContaining({ id: user.sessionId, user_agent: 'evil\u001b[2Jagent\u202e' })]);
  });

  it('sessions end ends one session, all of a user, or all of them with --yes, at once', async () => {
    const [one, two, three] = [await app.signUp(), await app.signUp(), await app.signUp()];
    expect(await cli.json(['sessions', 'end', one.sessionId])).toEqual({ ended: 1 });
    expect(await statusWith(one.bearer)).toEqual([401, 'session_revoked']);
    expect(await cli.run(['sessions', 'end', one.sessionId])).toMatchObject({ code: 1, stdout: '' });
    expect(await cli.json(['sessions', 'end', '--user', two.username])).toEqual({ ended: 1 });
    expect(await statusWith(two.bearer)).toEqual([401, 'session_revoked']);
    expect(await cli.run(['sessions', 'end', '--all'])).toMatchObject({ code: 2, stdout: '' });
    expect(await statusWith(three.bearer)).toEqual([200, undefined]);
    expect((await cli.json(['sessions', 'end', '--all', '--yes'])).ended).toBeGreaterThan(0);
    expect(await statusWith(three.bearer)).toEqual([401, 'session_revoked']);
  });

  it('keys rotate says when it will be possible, and afterwards every token still works', async () => {
    const user = await app.signUp();
    const early = await cli.json(['keys', 'rotate'], '', 1);
    expect(early.rotated).toBe(false);
    expect(Date.parse(early.next_ready_at)).toBeGreaterThan(Date.now());
    const ran = await cli.run(['keys', 'rotate']);
    expect(ran.stdout).toContain(`It can sign from ${early.next_ready_at.replace(/\.\d+Z/, 'Z')} on.`);
    await app.deps.db.$executeRaw`UPDATE signing_key SET created_at = created_at - interval '1 hour'`;
    expect(await cli.json(['keys', 'rotate'])).toMatchObject({ rotated: true, active: early.next });
    expect(await statusWith(user.bearer)).toEqual([200, undefined]);
    const { body } = await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken });
    const [header = ''] = body.access_token.split('.');
    expect(JSON.parse(Buffer.from(header, 'base64url').toString()).kid).toBe(early.next);
  });

  it('keys revoke removes a key from the JWKS and makes its tokens invalid at once', async () => {
    const user = await app.signUp();
    const { data } = await cli.json(['keys', 'list']);
    const active = data.find((key: Record<string, string>) => key.purpose === 'access' && key.state === 'active');
    expect(Object.keys(active).sort()).toEqual([
      'active_at',
      'algorithm',
      'created_at',
      'kid',
      'purpose',
      'retired_at',
      'state',
    ]);
    expect(await cli.run(['keys', 'revoke', '--', active.kid])).toMatchObject({ code: 2, stdout: '' });
    expect(await cli.run(['keys', 'revoke', '--yes', '--', active.kid])).toMatchObject({ code: 0 });
    expect(await statusWith(user.bearer)).toEqual([401, 'invalid_token']);
    const { body } = await app.http.get('/.well-known/jwks.json');
    expect(body.keys.map(({ kid }: { kid: string }) => kid)).not.toContain(active.kid);
    expect((await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken })).status).toBe(200);
    expect(await cli.run(['keys', 'revoke', '--yes', 'nobodysKey12'])).toMatchObject({ code: 1, stdout: '' });
  });

  it('keys reseal and purge print how many rows they changed', async () => {
    expect(await cli.json(['keys', 'reseal'])).toEqual({ resealed: await app.deps.db.signingKey.count() });
    const counts = { sessions: 0, revocations: expect.any(Number), audit_events: 0 };
    expect(await cli.json(['purge'])).toEqual({ purged: counts });
    expect(await app.deps.db.auditEvent.count({ where: { position: { not: null } } })).toBeGreaterThan(0);
  });

  it('doctor checks the setup of the running server', async () => {
    const { checks } = await cli.json(['doctor']);
    expect(checks).toContainEqual(expect.objectContaining({ check: 'migrations', status: 'ok' }));
    expect(checks).toContainEqual(expect.objectContaining({ check: 'LISTEN/NOTIFY', status: 'ok' }));
    expect(checks).toContainEqual(expect.objectContaining({ check: 'PASSWORD_HASH', status: 'warning' }));
  });

  it('a client that sends something else to the socket gets an error, and the server goes on', async () => {
    const dir = database.url.slice('pglite:'.length);
    const name = (await readdir(dir)).find((file) => file.endsWith('.sock')) ?? '';
    expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
    const client = connect(join(dir, name));
    const lines = createInterface({ input: client })[Symbol.asyncIterator]();
    await lines.next();
    for (const sent of ['nonsense', '{"argv":"users"}', '{"argv":["users","frobnicate"]}']) {
      client.write(`${sent}\n`);
      const answer = JSON.parse(String((await lines.next()).value));
      expect(answer.error ?? answer.stderr).toMatch(/^[^\n]+\n?$/);
    }
    client.destroy();
    expect(await cli.run(['users', 'show', 'root'])).toMatchObject({ code: 0 });
  });
});
