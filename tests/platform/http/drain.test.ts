import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { goodPassword, startApp, type TestApp } from '../../support/app.js';
import { connectTo, parseAnswer, untilClosed } from '../../support/raw-http.js';

const body = JSON.stringify({ username: 'ada', password: goodPassword });

/** Starts a sign-up: the server has its headers and half of its body. */
async function beginSignUp(app: TestApp): Promise<{ socket: Socket; finish(): Promise<string> }> {
  const socket = connectTo(app);
  socket.write(
    `POST /auth/signup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
  );
  // The server sends "100 Continue" once the request is in progress.
  await once(socket, 'data');
  socket.write(body.slice(0, 10));
  return {
    socket,
    finish() {
      socket.write(body.slice(10));
      return untilClosed(socket);
    },
  };
}

/** One request on its own connection. */
async function get(app: TestApp, path: string) {
  const socket = connectTo(app);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  return parseAnswer(await untilClosed(socket));
}

describe('A stop', () => {
  it('lets a request in progress finish, is "not ready" meanwhile, and closes the connection', async () => {
    const app = await startApp();
    const signUp = await beginSignUp(app);
    const stopped = app.stop();

    const ready = await get(app, '/readyz');
    expect(ready).toMatchObject({ status: 503, body: { code: 'shutting_down' } });
    expect(ready.headers).toMatchObject({ connection: 'close', 'retry-after': '1' });
    const live = await get(app, '/healthz');
    expect(live.status).toBe(200);
    expect(live.headers.connection).toBe('close');

    const { status, headers, body } = parseAnswer(await signUp.finish());
    expect(status).toBe(201);
    expect(headers.connection).toBe('close');
    expect(body).toMatchObject({ user: { username: 'ada' } });
    await stopped;
  });

  it('refuses connections afterwards', async () => {
    const app = await startApp();
    await app.http.get('/healthz').expect(200);
    await app.stop();
    const [error] = await once(connectTo(app).removeAllListeners('error'), 'error').catch((error) => [error]);
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('does not wait for idle connections', async () => {
    const app = await startApp();
    const idle = connectTo(app);
    await once(idle, 'connect');
    const kept = connectTo(app);
    kept.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(kept, 'data');
    const startedAt = performance.now();
    await Promise.all([app.stop(), untilClosed(idle), untilClosed(kept)]);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  it('waits no longer than SHUTDOWN_TIMEOUT', async () => {
    const app = await startApp({ SHUTDOWN_TIMEOUT: '1s' });
    const { socket } = await beginSignUp(app);
    const startedAt = performance.now();
    await Promise.all([app.stop(), untilClosed(socket)]);
    const seconds = (performance.now() - startedAt) / 1000;
    expect(seconds).toBeGreaterThan(0.9);
    expect(seconds).toBeLessThan(5);
  });
});
