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

/** Connections that are all open, twenty at a time, each having said this. */
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

/** Goes on by a little every second, until the server has cut them all. @returns after how many seconds it had */
async function trickleUntilCut(sockets: Socket[], more: string): Promise<number> {
  const startedAt = performance.now();
  const timer = setInterval(() => sockets.map((socket) => more !== '' && socket.writable && socket.write(more)), 1_000);
  for (const socket of sockets) socket.resume();
  await Promise.all(sockets.map(closed));
  clearInterval(timer);
  return (performance.now() - startedAt) / 1000;
}

const postHead = 'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';

describe('Sockets that only take up room', { timeout: 90_000 }, () => {
  it('300 that send their headers slowly are cut after 10 s', () =>
    server.endure('300 slow heads', async () => {
      const sockets = await openSockets(300, 'GET /healthz HTTP/1.1\r\nHost: x\r\n');
      expect(await trickleUntilCut(sockets, 'X: y\r\n')).toBeLessThan(14);
    }));

  it('300 that send their bodies slowly are cut after 15 s', () =>
    server.endure('300 slow bodies', async () => {
      const sockets = await openSockets(300, `${postHead}Content-Length: 60000\r\n\r\n`);
      expect(await trickleUntilCut(sockets, ' ')).toBeLessThan(19);
    }));

  it('300 that do not read their answers are cut once nothing has moved for 10 s', () =>
    server.endure('300 slow readers', async () => {
      // Each asks for 7 MB: the kernel holds 4 for a connection, and what it holds counts as read.
      const sockets = await openSockets(300, 'GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(40));
      for (const socket of sockets) socket.pause();
      // Of the client's side nothing can be seen of it: what lies there unread comes before the end.
      const wasCut = (line: string) => line.includes('"/openapi.json"') && JSON.parse(line).ms > 9_000;
      await eventually(() => server.logs.filter(wasCut).length === 300, 60_000);
      for (const socket of sockets) socket.destroy();
    }));

  it('5,000 that say nothing are cut after 10 s', () =>
    server.endure('5,000 silent sockets', async () => {
      const sockets = await openSockets(5_000);
      expect(await trickleUntilCut(sockets, '')).toBeLessThan(14);
    }));

  it('5,000 that have been answered and stay are borne', () =>
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
