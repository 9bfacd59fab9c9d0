import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { makeKey } from '../../support/api-keys.js';
import { startAppForTest, type TestApp } from '../../support/app.js';
import { cookieHeader, cookiesOf } from '../../support/cookies.js';
import { connectTo, say } from '../../support/raw-http.js';

const requestLines = (app: TestApp) => app.logs.filter(({ msg }) => msg === 'request');

/** The request lines in the log, once there are this many. */
async function linesOf(app: TestApp, count: number): Promise<Record<string, unknown>[]> {
  await vi.waitFor(() => expect(requestLines(app).length).toBeGreaterThanOrEqual(count), { timeout: 5000 });
  await sleep(20);
  return requestLines(app);
}

describe('Each request leaves one log line', () => {
  it('with its method, path, status and address, under the id of the response', async () => {
    const app = await startAppForTest();
    const { headers } = await app.http.get('/nothing?a=b').expect(404);
    expect(await linesOf(app, 1)).toEqual([
      {
        level: 30,
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        request_id: headers['x-request-id'],
        method: 'GET',
        path: '/nothing',
        status: 404,
        ms: expect.any(Number),
        ip: expect.stringMatching(/^(127\.0\.0\.1|::1)$/),
        code: 'not_found',
        msg: 'request',
      },
    ]);
  });

  it('without a key or a token that a client has put in the path, where an id belongs', async () => {
    const app = await startAppForTest();
    const user = await app.signUp();
    const { key, id } = await makeKey(app, user);
    for (const secret of [key, user.accessToken, user.refreshToken, id])
      await fetch(`${app.url}/me/api-keys/${secret}`, { method: 'DELETE', headers: user.bearer });
    const paths = (await linesOf(app, 6)).slice(2).map(({ path }) => path);
    expect(paths).toEqual([...Array(3).fill('/me/api-keys/…'), `/me/api-keys/${id}`]);
  });

  it('and never two, however it ends', async () => {
    const app = await startAppForTest();
    const { bearer } = await app.signUp();
    const answers = [
      await app.http.get('/welcome').set(bearer),
      await app.http.get('/welcome'),
      await app.http.options('/me'),
      await app.http.put('/me'),
      await app.http.post('/auth/login').type('text/plain').send('x'),
      await app.http.post('/auth/login').send({ username: 'x'.repeat(70_000) }),
      await app.http.post('/auth/login').send({}),
    ];
    const lines = (await linesOf(app, 8)).slice(1);
    const seen = lines.map(({ request_id, status }) => [request_id, status]);
    expect(seen).toEqual(answers.map(({ headers, status }) => [headers['x-request-id'], status]));
  });

  it('even if the client disconnects before the response, and the line says so', async () => {
    const app = await startAppForTest({ PASSWORD_HASH: 'm=65536,t=10,p=1' });
    const body = JSON.stringify({ username: 'nobody', password: 'x' });
    const socket = connectTo(app);
    app.statements.length = 0;
    socket.write(
      `POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    // The user has been looked up, so the password is being hashed now, for half a second or more.
    await vi.waitFor(() => expect(app.statements.join()).toContain('username_key'), { interval: 5 });
    socket.destroy();
    expect(await linesOf(app, 1)).toMatchObject([{ method: 'POST', path: '/auth/login', aborted: true }]);
  });

  it('even if the client disconnects before its body has arrived', async () => {
    const app = await startAppForTest();
    const socket = connectTo(app);
    socket.write(
      'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n',
    );
    await once(socket, 'data');
    socket.destroy();
    expect(await linesOf(app, 1)).toMatchObject([{ method: 'POST', path: '/auth/login', status: 400 }]);
  });

  it('with our own id: the X-Request-Id of a client is ignored', async () => {
    const app = await startAppForTest();
    const { headers } = await app.http.get('/healthz').set('X-Request-Id', 'forged');
    const again = await app.http.get('/healthz').set('X-Request-Id', 'forged');
    expect(new Set([headers['x-request-id'], again.headers['x-request-id'], 'forged']).size).toBe(3);
    expect(JSON.stringify(app.logs)).not.toContain('forged');
  });
});

describe('No log line contains a secret', () => {
  it('that a user sends or receives, at any log level', async () => {
    const app = await startAppForTest({
      LOG_LEVEL: 'trace',
      ACCESS_TOKEN_SOURCES: 'bearer,cookie,query,header:x-access-token',
    });
    const origin = { Origin: 'http://localhost:3000' };
    const secrets = {
      password: 'password-of-nobody-else',
      wrong: 'wrong-password-of-nobody',
      title: 'title-of-a-todo',
      query: 'value-in-a-query',
      header: 'value-in-a-header',
      junk: 'junk-that-is-no-json',
    };
    const user = await app.signUp({ password: secrets.password });
    const login = { username: user.username, password: secrets.password };
    const { http } = app;
    await http
      .post('/auth/login')
      .send({ ...login, password: secrets.wrong })
      .expect(401);
    const byCookie = await http
      .post('/auth/login')
      .set(origin)
      .send({ ...login, transport: 'cookie' })
      .expect(200);
    const cookies = cookiesOf(byCookie);
    const refreshed = await http.post('/auth/refresh').send({ refresh_token: user.refreshToken }).expect(200);
    await http.post('/auth/refresh').set(origin).set('Cookie', cookieHeader(cookies)).expect(200);
    await http.post('/todos').set(user.bearer).send({ title: secrets.title }).expect(201);
    await http.get(`/me?access_token=${user.accessToken}`).expect(200);
    await http.get(`/nothing?x=${secrets.query}&access_token=${user.accessToken}`).expect(404);
    await http.post(`/auth/login?password=${secrets.query}`).send(login).expect(400);
    await http.get('/me').set('X-Access-Token', user.accessToken).set('X-Other', secrets.header).expect(200);
    await http.get('/me').set('Authorization', `Bearer ${secrets.header}`).expect(401);
    await http.get('/me').set('User-Agent', secrets.header).auth('ada', secrets.password);
    await http.post('/auth/login').type('json').send(`{"${secrets.junk}`).expect(400);
    await http
      .post('/auth/login')
      .send({ ...login, [secrets.junk]: 1 })
      .expect(422);
    await app.deps.db.$executeRaw`DROP TABLE todo`;
    await http.post('/todos').set(user.bearer).send({ title: secrets.title }).expect(500);
    await http.post('/auth/logout').set(user.bearer).send({ refresh_token: refreshed.body.refresh_token }).expect(204);

    const logged = JSON.stringify(await linesOf(app, 16));
    const all = JSON.stringify(app.logs);
    expect(logged).toContain('/auth/login');
    const { access_token, refresh_token } = refreshed.body;
    const tokens = [user.accessToken, user.refreshToken, user.deviceToken, access_token, refresh_token];
    const inCookies = Object.values(cookies).map(({ value }) => value);
    for (const secret of [...Object.values(secrets), ...tokens, ...inCookies])
      for (const part of secret.split('.')) expect(all).not.toContain(part);
    expect(all).not.toContain('$argon2');
    expect(all).not.toContain(app.config.authSecret);
  });
});

describe('A log line stays one line', () => {
  const breaking = '\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029';

  it.each([
    ['CR and LF in the path', '/x%0d%0aFORGED', ''],
    ['ANSI escapes in the path', '/x%1b[31m', ''],
    ['U+2028 in the path', '/x%e2%80%a8FORGED', ''],
    ['raw bytes of U+2028 in the path', '/x\xe2\x80\xa8FORGED', ''],
    ['a raw CSI in the path', '/x\x9b31m', ''],
    ['a raw NEL in the path', '/x\xc2\x85FORGED', ''],
    ['ANSI escapes in the user agent', '/x', 'User-Agent: \x9b31m\t\x85\r\n'],
    ['a line break in the forwarded address', '/x', 'X-Forwarded-For: 1.2.3.4\x85FORGED\r\n'],
  ])('with %s', async (_, path, header) => {
    const app = await startAppForTest({ TRUST_PROXY: '1' });
    const { status } = await say(
      app,
      Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${header}\r\n`, 'latin1'),
    );
    expect([400, 404]).toContain(status);
    const lines = status === 404 ? await linesOf(app, 1) : [];
    // Compared as JSON, because escaped characters do not break a line.
    for (const line of lines) expect(JSON.stringify(line)).not.toMatch(new RegExp(`[${breaking}]`));
  });
});
