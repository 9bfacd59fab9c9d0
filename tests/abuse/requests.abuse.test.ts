import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectTo, untilClosed } from '../support/raw-http.js';
import { startUnderAbuse, type UnderAbuse } from '../support/under-abuse.js';

let server: UnderAbuse;
beforeAll(async () => {
  server = await startUnderAbuse();
});
afterAll(() => server.stop());

/** Sends this on many connections, fifty at a time, until each closes. @returns the number of responses per status */
async function say(connections: number, head: string, times = 1): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const request = `${`${head}\r\n\r\n`.repeat(times - 1)}${head}\r\nConnection: close\r\n\r\n`;
  for (let left = connections; left > 0; left -= 50) {
    const sockets = Array.from({ length: Math.min(left, 50) }, () => connectTo(server));
    for (const socket of sockets) socket.write(request);
    for (const raw of await Promise.all(sockets.map(untilClosed)))
      for (const [, status = ''] of raw.matchAll(/HTTP\/1\.1 (\d{3}) /g)) counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

const lines = (count: number) => Array.from({ length: count }, (_, n) => `a${n}: b`).join('\r\n');

describe('Requests', { timeout: 60_000 }, () => {
  it('with headers that are too large are refused', () =>
    server.endure('500 heads of 100 KB', async () => {
      expect(await say(500, `GET /welcome HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(100_000)}`)).toEqual({
        431: 500,
      });
    }));

  it('with too many headers are refused, and with as many as fit are answered', () =>
    server.endure('500 heads of 5,000 headers, 500 of 1,500', async () => {
      expect(await say(500, `GET /healthz HTTP/1.1\r\nHost: x\r\n${lines(5_000)}`)).toEqual({ 431: 500 });
      expect(await say(500, `GET /healthz HTTP/1.1\r\nHost: x\r\n${lines(1_500)}`)).toEqual({ 200: 500 });
    }));

  it('with thousands of cookies or parameters cost no more than others', () =>
    server.endure('500 requests with 3,000 cookies, 500 with 3,000 parameters', async () => {
      const cookies = Array.from({ length: 3_000 }, (_, n) => `c${n % 10}=`).join(';');
      expect(await say(500, `GET /welcome HTTP/1.1\r\nHost: x\r\nCookie: ${cookies}`)).toEqual({ 401: 500 });
      const query = Array.from({ length: 3_000 }, (_, n) => `q${n % 10}=`).join('&');
      expect(await say(500, `GET /welcome?${query} HTTP/1.1\r\nHost: x`)).toEqual({ 401: 500 });
    }));

  it('that come a thousand at once on one connection are all answered', () =>
    server.endure('10 connections with 1,000 pipelined requests each', async () => {
      expect(await say(10, 'GET /healthz HTTP/1.1\r\nHost: x', 1_000)).toEqual({ 200: 10_000 });
    }));
});
