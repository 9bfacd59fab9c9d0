import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword } from '../support/app.js';
import { ask, newName, signUp } from '../support/instance.js';
import { startTopology, type Topology } from '../support/topology.js';

describe('Behind nginx', () => {
  let topology: Topology;
  beforeAll(async () => {
    topology = await startTopology({
      count: 2,
      settings: {
        SMTP_URL: 'smtp://127.0.0.1:1',
        RATE_LIMIT_LOGIN_ADDRESS: '6/15m',
        RATE_LIMIT_LOGIN_ACCOUNT: '100/15m',
      },
    });
  }, 60_000);
  afterAll(() => topology?.stop());

  const guess = (from: string, headers: Record<string, string> = {}) =>
    ask(topology, 'POST /auth/login', {
      from,
      headers,
      body: { username: newName(), password: 'not the password of anybody' },
    });

  it('wrong passwords are counted per client address over all instances, and X-Forwarded-For of the client is ignored', async () => {
    const statuses: number[] = [];
    for (let time = 0; time < 9; time++)
      statuses.push((await guess('127.0.0.2', { 'X-Forwarded-For': `203.0.113.${time}` })).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 401, 429, 429, 429]);
    // Both have answered, so the count is not the count of one instance.
    for (const { log } of topology.instances) expect(readFileSync(log, 'utf8')).toContain('"path":"/auth/login"');
  });

  it('another client address is not affected by that', async () => {
    expect((await guess('127.0.0.3')).status).toBe(401);
  });

  it('the list of sessions shows the address of the client, not of the proxy', async () => {
    const { access } = await signUp(topology);
    const { username } = (await ask(topology, 'GET /me', { bearer: access })).body;
    const login = await ask(topology, 'POST /auth/login', {
      from: '127.0.0.4',
      headers: { 'X-Forwarded-For': '203.0.113.9', Forwarded: 'for=203.0.113.9' },
      body: { username, password: goodPassword },
    });
    const { data } = (await ask(topology, 'GET /auth/sessions', { bearer: login.body.access_token })).body;
    expect(data.find(({ current }: { current: boolean }) => current).ip).toBe('127.0.0.4');
  });

  it('a body that is too large gets the server’s own response', async () => {
    const body = { username: 'x'.repeat(70_000), password: goodPassword };
    expect(await ask(topology, 'POST /auth/signup', { body })).toMatchObject({
      status: 413,
      body: { code: 'payload_too_large' },
    });
  });

  it('/metrics is not reachable', async () => {
    const answer = await fetch(`${topology.url}/metrics`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: 'not_found' });
  });

  it('an instance with AUTH_SECRET, a database server and SMTP_URL writes no file, so its file system can be read-only', () => {
    for (const { cwd } of topology.instances) expect(readdirSync(cwd)).toEqual([]);
  });

  it('no log of nginx contains a query', async () => {
    await ask(topology, 'GET /welcome?access_token=secret-of-a-query');
    const nginxLog = readFileSync(topology.nginx.log, 'utf8');
    expect(nginxLog).toContain('"path":"/welcome"');
    expect(nginxLog).not.toContain('secret-of-a-query');
  });

  it('without a running instance nginx answers 503 with Retry-After and an id, and recovers with the first one', async () => {
    await Promise.all(topology.instances.map((instance) => instance.end('SIGKILL')));
    const answer = await fetch(`${topology.url}/healthz`);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({
      code: 'overloaded',
      status: 503,
      request_id: answer.headers.get('x-request-id'),
    });
    await topology.instances[0]?.start();
    // nginx leaves an instance alone for a second after it refused a connection.
    await expect.poll(async () => (await ask(topology, 'GET /healthz')).status, { timeout: 5_000 }).toBe(200);
  });
});
