import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, signUp } from '../support/instance.js';
import { eventually } from '../support/mails.js';
import { connectTo } from '../support/raw-http.js';
import { startUnderAbuse, type UnderAbuse } from '../support/under-abuse.js';

const readers = 30;
const todos = 40_000;

let server: UnderAbuse;
const tokens: string[] = [];

beforeAll(async () => {
  server = await startUnderAbuse({ TRUST_PROXY: '1' });
  for (let n = 0; n < readers; n++) tokens.push((await signUp(server)).access);
  const client = new pg.Client(server.databaseUrl);
  await client.connect();
  await client.query(`
    INSERT INTO todo (id, user_id, title)
    SELECT gen_random_uuid(), u.id, rpad(n::text, 200, '.') FROM "user" u, generate_series(1, ${todos}) n`);
  await client.query('ANALYZE todo');
  await client.end();
}, 300_000);
afterAll(() => server.stop());

const isExport = (line: string) => line.includes('"/me/export"');

function openExport(token: string, reader: number): Socket {
  const socket = connectTo(server);
  socket.write(
    `GET /me/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nX-Forwarded-For: 192.0.2.${reader}\r\n\r\n`,
  );
  return socket.pause();
}

describe('Exports of 40,000 todos', { timeout: 300_000 }, () => {
  it('hold up nobody', () =>
    server.endure('three exports', async () => {
      for (const token of tokens.slice(0, 3)) {
        const { status, body } = await ask(server, 'GET /me/export', { bearer: token });
        expect(status).toBe(200);
        expect(body.todos).toHaveLength(todos);
      }
    }));

  it('cost no memory while 30 readers do not read, and such readers are cut', () =>
    server.endure('30 exports that nobody reads', async () => {
      const before = server.logs.length;
      const atRest = (await server.vitals()).held;
      const sockets = tokens.map(openExport);
      await sleep(5_000);
      const { held } = await server.vitals();
      expect(held - atRest).toBeLessThan(60 * 1024 * 1024);
      const cut = () => server.logs.slice(before).filter((line) => isExport(line) && line.includes('"aborted":true'));
      await eventually(() => cut().length === readers, 60_000);
      for (const socket of sockets) socket.destroy();
    }));
});
