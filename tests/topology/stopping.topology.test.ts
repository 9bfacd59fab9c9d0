import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { goodPassword } from '../support/app.js';
import { signUp } from '../support/instance.js';
import { connectTo, parseAnswer, untilClosed } from '../support/raw-http.js';
import { startTopology, type TopologyInstance } from '../support/topology.js';

async function startOne(settings: Record<string, string> = {}): Promise<TopologyInstance> {
  const topology = await startTopology({ count: 1, settings: { RATE_LIMIT: 'off', ...settings } });
  onTestFinished(topology.stop);
  return topology.instances[0] as TopologyInstance;
}

/** Sends a request on its own connection, which is kept alive. */
function open(to: TopologyInstance, line: string, fields?: unknown): Socket {
  const sent = fields === undefined ? '' : JSON.stringify(fields);
  const socket = connectTo(to);
  socket.write(
    `${line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(sent)}\r\n\r\n${sent}`,
  );
  return socket;
}

const answerOf = async (socket: Socket) => parseAnswer(await untilClosed(socket));

const body = JSON.stringify({ username: 'ada', password: goodPassword });

/** Starts a sign-up whose body is still to come. */
async function beginSignUp(to: TopologyInstance): Promise<Socket> {
  const socket = connectTo(to);
  socket.write(
    `POST /auth/signup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
  );
  // The server sends "100 Continue" once the request is in progress.
  await once(socket, 'data');
  return socket;
}

describe('SIGTERM', { timeout: 60_000 }, () => {
  it('under load makes the server not ready, all requests in progress are answered, and the exit code is 0', async () => {
    const instance = await startOne({ TRUST_PROXY: 'false' });
    const { username } = await signUp(instance);
    const held = await beginSignUp(instance);
    const login = () => answerOf(open(instance, 'POST /auth/login', { username, password: goodPassword }));
    const before = Array.from({ length: 10 }, login);
    const startedAt = performance.now();
    const ended = instance.end('SIGTERM');
    const during = Array.from({ length: 10 }, login);
    await expect.poll(() => readFileSync(instance.log, 'utf8'), { timeout: 5_000 }).toContain('"msg":"stopping"');
    expect(await answerOf(open(instance, 'GET /readyz'))).toMatchObject({
      status: 503,
      headers: { connection: 'close' },
      body: { code: 'shutting_down' },
    });
    held.write(body);
    expect(await answerOf(held)).toMatchObject({ status: 201, headers: { connection: 'close' } });
    for (const { status } of await Promise.all([...before, ...during])) expect(status).toBe(200);
    expect(await ended).toBe(0);
    // The default of SHUTDOWN_TIMEOUT.
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  it('waits for a hanging request no longer than SHUTDOWN_TIMEOUT, and the exit code is still 0', async () => {
    const instance = await startOne({ SHUTDOWN_TIMEOUT: '1s' });
    await beginSignUp(instance);
    const startedAt = performance.now();
    expect(await instance.end('SIGTERM')).toBe(0);
    const seconds = (performance.now() - startedAt) / 1000;
    expect(seconds).toBeGreaterThan(0.9);
    expect(seconds).toBeLessThan(5);
  });

  it('sent a second time ends the process at once, with an exit code that is not 0', async () => {
    const instance = await startOne({ SHUTDOWN_TIMEOUT: '60s' });
    await beginSignUp(instance);
    const first = instance.end('SIGTERM');
    // An earlier signal would count as npm repeating the first.
    await sleep(1_000);
    const startedAt = performance.now();
    expect(await instance.end('SIGTERM')).toBe(1);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await first;
  });

  it('keeps an idle proxy connection open for a moment, and answers requests on it', async () => {
    const instance = await startOne();
    const kept = connectTo(instance);
    kept.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(kept, 'data');
    const ended = instance.end('SIGTERM');
    // New connections are refused, but open ones still work.
    await sleep(500);
    const [error] = await once(connectTo(instance), 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    kept.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    const { status, headers } = await answerOf(kept);
    expect([status, headers.connection]).toEqual([200, 'close']);
    expect(await ended).toBe(0);
  });
});
