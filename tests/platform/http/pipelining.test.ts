import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../../support/app.js';
import { connectTo, parseAnswer, untilClosed } from '../../support/raw-http.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

const request = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';

/** @returns the statuses of the answers in their order, and the last answer */
async function send(text: string) {
  const socket = connectTo(app);
  socket.write(text);
  const answers = (await untilClosed(socket)).split(/(?=HTTP\/1\.1 \d{3} )/);
  return { statuses: answers.map((answer) => parseAnswer(answer).status), last: parseAnswer(answers.at(-1) ?? '') };
}

describe('Requests that one connection sends ahead', () => {
  it('are all answered, in their order, if they are a thousand at most', async () => {
    const { statuses } = await send(
      `${request.repeat(1_000)}GET /welcome HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    expect(statuses).toEqual([...Array<number>(1_000).fill(200), 401]);
  });

  it('are refused from the first one that finds a thousand waiting, and then the connection ends', async () => {
    const { statuses, last } = await send(request.repeat(1_500));
    expect(statuses).toEqual([...Array<number>(1_001).fill(200), 503]);
    expect(last).toMatchObject({ body: { code: 'overloaded' }, headers: { connection: 'close', 'retry-after': '1' } });
  });

  it('do not fill the memory, however many they are', { timeout: 60_000 }, async () => {
    const before = process.memoryUsage().heapUsed;
    let peak = before;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().heapUsed);
    }, 20);
    const { statuses } = await send(request.repeat(100_000));
    clearInterval(watch);
    expect(statuses.length).toBeLessThan(1_100);
    expect(peak - before).toBeLessThan(150_000_000);
    await app.http.get('/healthz').expect(200);
  });

  it('may wait on other connections again, once these are gone', async () => {
    await Promise.all(Array.from({ length: 5 }, () => send(request.repeat(1_500))));
    const { statuses } = await send(
      `${request.repeat(500)}GET /welcome HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    expect(statuses).toHaveLength(501);
  });
});
