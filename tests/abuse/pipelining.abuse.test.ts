import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectTo, untilClosed } from '../support/raw-http.js';
import { startUnderAbuse, type UnderAbuse } from '../support/under-abuse.js';

let server: UnderAbuse;
beforeAll(async () => {
  // What Node takes in a container of 512 MiB.
  server = await startUnderAbuse({ NODE_OPTIONS: '--max-old-space-size=259' });
});
afterAll(() => server.stop());

/** @returns the statuses of all answers */
async function send(connections: number, text: string): Promise<Set<string>> {
  const sockets = Array.from({ length: connections }, () => connectTo(server));
  for (const socket of sockets) socket.write(text);
  const raw = await Promise.all(sockets.map(untilClosed));
  return new Set(
    raw.flatMap((answers) => [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status = '']) => status)),
  );
}

describe('Requests sent ahead', { timeout: 120_000 }, () => {
  it('by one connection, 100,000 of them, do not fill the memory', () =>
    server.endure('100,000 pipelined requests on one connection', async () => {
      expect(await send(1, 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(100_000))).toContain('200');
    }));

  it('by 40 connections, 1,500 by each, do not either', async () => {
    expect(await send(40, 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1_500))).toEqual(new Set(['200', '503']));
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });
});
