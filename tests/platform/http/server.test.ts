import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../src/errors.js';
import { startApp, startAppForTest, type TestApp } from '../../support/app.js';
import { connectTo, parseAnswer, type RawAnswer, say, untilClosed } from '../../support/raw-http.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

/** Expects a problem that Node's parser caused before Express, and a closed connection. */
function expectUnreadable({ status, headers, body }: RawAnswer, code: ErrorCode, expected: number): void {
  expect({ status, body }).toMatchObject({
    status: expected,
    body: { code, status: expected, request_id: headers['x-request-id'] },
  });
  expect(headers).toMatchObject({
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'no-store',
    connection: 'close',
  });
}

describe('A slow client', () => {
  it('is disconnected 10 seconds into its headers or 15 into its body', { timeout: 40_000 }, async () => {
    const headers = drip('GET /healthz HTTP/1.1\r\nHost: x\r\n', 'X: y\r\n');
    const body = drip(
      'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n',
      ' ',
    );
    const silent = drip('', '');
    const [slowHeaders, slowBody, nothing] = await Promise.all([headers, body, silent]);
    expectUnreadable(slowHeaders.answer, 'invalid_request', 408);
    expectUnreadable(slowBody.answer, 'invalid_request', 408);
    expect(slowHeaders.seconds).toBeGreaterThan(9);
    expect(slowHeaders.seconds).toBeLessThan(14);
    expect(nothing.seconds).toBeLessThan(14);
    expect(slowBody.seconds).toBeGreaterThan(14);
    expect(slowBody.seconds).toBeLessThan(19);
    await app.http.get('/healthz').expect(200);
  });

  /** Sends the beginning, and then a little more every half second until the connection closes. */
  async function drip(beginning: string, more: string) {
    const socket = connectTo(app);
    const startedAt = performance.now();
    socket.write(beginning);
    const timer = setInterval(() => socket.write(more), 500);
    const raw = await untilClosed(socket);
    clearInterval(timer);
    return { answer: parseAnswer(raw), seconds: (performance.now() - startedAt) / 1000 };
  }
});

describe('Too large', () => {
  it('headers get 431', async () => {
    const answer = await say(app, `GET /healthz HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`);
    expectUnreadable(answer, 'header_fields_too_large', 431);
  });

  it('bodies get 413, with or without a Content-Length', async () => {
    const body = ' '.repeat(65_537);
    const sent = [
      `${post('Content-Length: 65537\r\nConnection: close')}${body}`,
      `${post('Transfer-Encoding: chunked\r\nConnection: close')}10001\r\n${body}\r\n0\r\n\r\n`,
    ];
    for (const text of sent)
      expect((await say(app, text)).body).toMatchObject({ code: 'payload_too_large', status: 413 });
  });

  it('a Content-Length gets 413 at once, before the body is sent', async () => {
    const { body } = await say(app, post('Content-Length: 70000'));
    expect(body).toMatchObject({ code: 'payload_too_large', status: 413 });
  });

  it('bodies without an end are cut off and do not fill the memory', { timeout: 40_000 }, async () => {
    const socket = connectTo(app);
    socket.write(post('Transfer-Encoding: chunked'));
    const before = process.memoryUsage.rss();
    const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`;
    const timer = setInterval(() => socket.writableNeedDrain || socket.write(chunk), 5);
    const { status } = parseAnswer(await untilClosed(socket));
    clearInterval(timer);
    expect(status).toBe(413);
    expect(process.memoryUsage.rss() - before).toBeLessThan(100_000_000);
  });
});

describe('Malformed HTTP', () => {
  it.each([
    ['an SMTP command', 'HELO mail.example\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['a method in lower case', 'get / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['an unknown method', 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n'],
    ['a folded header', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c: d\r\n\r\n'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n'],
    [
      'both Content-Length and Transfer-Encoding',
      `${post('Content-Length: 4\r\nTransfer-Encoding: chunked')}0\r\n\r\n`,
    ],
    ['two lengths', `${post('Content-Length: 4\r\nContent-Length: 5')}{}  `],
    ['a length that is not a number', `${post('Content-Length: 4x')}{}  `],
    ['an unknown transfer encoding', `${post('Transfer-Encoding: xchunked')}0\r\n\r\n`],
    ['chunked not at the end', `${post('Transfer-Encoding: chunked, gzip')}0\r\n\r\n`],
    ['a chunk size that is not a number', `${post('Transfer-Encoding: chunked')}zz\r\n`],
  ])('gets 400 and a closed connection: %s', async (_, text) => {
    expectUnreadable(await say(app, Buffer.from(text, 'latin1')), 'invalid_request', 400);
  });

  it('cannot smuggle a second request', async () => {
    const smuggled = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
    const socket = connectTo(app);
    socket.write(`${post('Content-Length: 6\r\nTransfer-Encoding: chunked')}0\r\n\r\n${smuggled}`);
    expect((await untilClosed(socket)).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400']);
  });

  it('delays no other client, and the server keeps running', async () => {
    const sockets = Array.from({ length: 200 }, () => connectTo(app));
    for (const socket of sockets) socket.write('\x00\x01\x02');
    await app.http.get('/healthz').expect(200);
    await Promise.all(sockets.map(untilClosed));
    for (const socket of Array.from({ length: 50 }, () => connectTo(app)))
      socket.once('connect', () => socket.resetAndDestroy());
    await sleep(100);
    await app.http.get('/healthz').expect(200);
  });
});

describe('Requests on one connection', () => {
  it('are answered in order', async () => {
    const paths = Array.from({ length: 100 }, (_, n) => (n % 3 ? '/healthz' : '/nothing'));
    const socket = connectTo(app);
    const last = (path: string, n: number) =>
      n === 99
        ? `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
        : `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
    socket.write(paths.map(last).join(''));
    const statuses = (await untilClosed(socket)).match(/HTTP\/1\.1 \d+/g);
    expect(statuses).toEqual(paths.map((path) => (path === '/healthz' ? 'HTTP/1.1 200' : 'HTTP/1.1 404')));
  });

  it('do not delay a stop if their connection ends before their turn', async () => {
    const own = await startApp();
    const socket = connectTo(own);
    const login = JSON.stringify({ username: 'ada', password: 'whatever' });
    const head = `POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${login.length}`;
    socket.write(`${head}\r\n\r\n${login}${'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(10)}`);
    await once(socket, 'connect');
    setImmediate(() => socket.resetAndDestroy());
    await sleep(50);
    const startedAt = performance.now();
    await own.stop();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('may come as long as KEEP_ALIVE_TIMEOUT says, and then the connection closes', async () => {
    const own = await startAppForTest({ KEEP_ALIVE_TIMEOUT: '2s' });
    const socket = connectTo(own);
    const closed = untilClosed(socket);
    const get = () => socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    get();
    await sleep(1_500);
    get();
    const startedAt = performance.now();
    expect((await closed).match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    // Newer versions of Node add a second.
    expect(performance.now() - startedAt).toBeGreaterThan(1_900);
    expect(performance.now() - startedAt).toBeLessThan(6_000);
  });

  it('continue after a refused request whose body was read', async () => {
    const socket = connectTo(app);
    socket.write(`${post('Content-Length: 2')}{}`);
    const [refused] = await once(socket, 'data');
    expect(parseAnswer(String(refused)).status).toBe(422);
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(parseAnswer(await untilClosed(socket)).status).toBe(200);
  });
});

function post(headers: string): string {
  return `POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n\r\n`;
}
