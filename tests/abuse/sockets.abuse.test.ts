import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/mails.js';
import { connectTo } from '../support/raw-http.js';
import { startUnderAbuse, type UnderAbuse } from '../support/under-abuse.js';

let server: UnderAbuse;
beforeAll(async () => {
  server = await startUnderAbuse();
});
afterAll(() => server.stop());

/** Opens connections, twenty at a time, and sends this on each. */
async function openSockets(count: number, said = ''): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const more = Array.from({ length: Math.min(20, count - sockets.length) }, () => connectTo(server));
    await Promise.all(more.map((socket) => once(socket, 'connect')));
    if (said !== '') for (const socket of more) socket.write(said);
    sockets.push(...more);
    await sleep(10);
  }
  return sockets;
}

const closed = (socket: Socket) =>
  new Promise((resolve) => (socket.closed ? resolve(0) : socket.once('close', resolve)));

/** Sends a little more every second until the server has closed them all. @returns after how many seconds */
async function trickleUntilCut(sockets: Socket[], more: string): Promise<number> {
  const startedAt = performance.now();
  const timer = setInterval(() => sockets.map((socket) => more !== '' && socket.writable && socket.write(more)), 1_000);
  for (const socket of sockets) socket.resume();
  await Promise.all(sockets.map(closed));
  clearInterval(timer);
  return (performance.now() - startedAt) / 1000;
}

const postHead = 'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';

describe('Idle and slow sockets:', { timeout: 90_000 }, () => {
  it('300 that send their headers slowly are closed after 10 s', () =>
    server.endure('300 slow heads', async () => {
      const sockets = await openSockets(300, 'GET /healthz HTTP/1.1\r\nHost: x\r\n');
      expect(await trickleUntilCut(sockets, 'X: y\r\n')).toBeLessThan(14);
    }));

  it('300 that send their bodies slowly are closed after 15 s', () =>
    server.endure('300 slow bodies', async () => {
      const sockets = await openSockets(300, `${postHead}Content-Length: 60000\r\n\r\n`);
      expect(await trickleUntilCut(sockets, ' ')).toBeLessThan(19);
    }));

  // Two gigabytes are written, which takes a busy machine a while.
  it('300 that do not read their responses are closed after 10 s without progress', { timeout: 600_000 }, () =>
    server.endure('300 slow readers', async () => {
      const earlier = server.logs.length;
      // Each requests 7 MB, because the kernel buffers 4 per connection, which counts as read.
      const sockets = await openSockets(300, 'GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(40));
      for (const socket of sockets) socket.pause();
      // The client cannot see the end before it has read what is buffered, so the log is checked.
      const wasCut = (line: string) => line.includes('"/openapi.json"') && JSON.parse(line).ms > 9_000;
      await eventually(() => server.logs.slice(earlier).filter(wasCut).length === 300, 180_000);
      for (const socket of sockets) socket.destroy();
    }),
  );

  it('5,000 that send nothing are closed after 10 s', () =>
    server.endure('5,000 silent sockets', async () => {
      const sockets = await openSockets(5_000);
      expect(await trickleUntilCut(sockets, '')).toBeLessThan(14);
    }));

  it('5,000 that stay open after a response cause no harm', () =>
    server.endure('5,000 idle sockets', async () => {
      const sockets: Socket[] = [];
      while (sockets.length < 5_000) {
        const more = await openSockets(20, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
        await Promise.all(more.map((socket) => once(socket, 'data')));
        sockets.push(...more);
      }
      await sleep(3_000);
      expect(sockets.filter(({ destroyed }) => destroyed)).toEqual([]);
      for (const [n, socket] of sockets.entries()) {
        socket.destroy();
        if (n % 100 === 0) await sleep(10);
      }
    }));
});
