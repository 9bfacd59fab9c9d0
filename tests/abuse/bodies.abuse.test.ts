import { request } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectTo, parseAnswer, untilClosed } from '../support/raw-http.js';
import { startUnderAbuse, type UnderAbuse } from '../support/under-abuse.js';

let server: UnderAbuse;
beforeAll(async () => {
  server = await startUnderAbuse();
});
afterAll(() => server.stop());

const json = { 'Content-Type': 'application/json' };

/** Posts a body to the login, and returns the status and the code. */
async function post(body: Buffer | string, headers: Record<string, string> = json): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request(`${server.url}/auth/login`, { method: 'POST', headers }, async (answer) => {
      resolve(`${answer.statusCode} ${JSON.parse(await text(answer)).code}`);
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

/** Posts the same body many times, at most fifty at once. */
async function postMany(count: number, body: Buffer | string, headers?: Record<string, string>): Promise<Set<string>> {
  const answers = new Set<string>();
  let left = count;
  const one = async () => {
    while (left-- > 0) answers.add(await post(body, headers));
  };
  await Promise.all(Array.from({ length: Math.min(count, 50) }, one));
  return answers;
}

/** Starts a body without a length and sends more as fast as possible. */
function endless(chunk: string): { socket: Socket; answer: Promise<string> } {
  const socket = connectTo(server);
  const head = 'POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
  socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
  const flood = setInterval(() => socket.writableNeedDrain || socket.write(chunk.repeat(100)), 10);
  const answer = untilClosed(socket).finally(() => clearInterval(flood));
  return { socket, answer };
}

const deep = (depth: number) => `{"username":${'['.repeat(depth)}${']'.repeat(depth)},"password":"x"}`;
// The size of a million such keys. They need not be written out to be refused.
const millionKeys = 9_000_000;
const keys = (count: number) => `{${Array.from({ length: count }, (_, n) => `"${n.toString(36)}":0`).join(',')}}`;

describe('Bodies', { timeout: 60_000 }, () => {
  it('over the limit are refused before they are read', () =>
    server.endure('500 bodies of 1 MB', async () => {
      for (let round = 0; round < 10; round++) {
        const statuses = await Promise.all(Array.from({ length: 50 }, () => announce('POST /auth/login', 1_000_000)));
        expect(new Set(statuses)).toEqual(new Set([413]));
      }
    }));

  it('without an end are cut off', () =>
    server.endure('50 endless bodies, in large chunks and small', async () => {
      const chunks = [`4000\r\n${' '.repeat(0x4000)}\r\n`, '1\r\n \r\n'];
      const answers = Array.from({ length: 50 }, (_, n) => endless(chunks[n % 2] ?? '').answer);
      const beginnings = (await Promise.all(answers)).map((raw) => raw.slice(0, 'HTTP/1.1 413'.length));
      expect(new Set(beginnings)).toEqual(new Set(['HTTP/1.1 413']));
    }));

  it('that would unpack to 1 GB are never unpacked', () =>
    server.endure('300 compressed bombs', async () => {
      const megabyte = gzipSync(Buffer.alloc(1_000_000));
      const bomb = Buffer.concat(Array.from({ length: 60 }, () => megabyte));
      expect(bomb.length).toBeLessThan(65_536);
      for (const coding of ['gzip', 'deflate', 'br', 'gzip, gzip'])
        expect(await postMany(75, bomb, { ...json, 'Content-Encoding': coding })).toEqual(
          new Set(['415 unsupported_media_type']),
        );
    }));

  it('nested 50,000 levels deep are refused', () =>
    server.endure('180 bodies as deep as fit, and 50,000 deep', async () => {
      expect(await postMany(60, deep(32_000))).toEqual(new Set(['422 validation_failed']));
      expect(await postMany(60, deep(50_000))).toEqual(new Set(['413 payload_too_large']));
      expect(await postMany(60, '['.repeat(50_000))).toEqual(new Set(['400 invalid_json']));
    }));

  it('with a million keys are refused, and so are bodies with as many keys as fit', () =>
    server.endure('100 bodies of 8,000 keys, and 20 of a million', async () => {
      expect(await postMany(100, keys(8_000))).toEqual(new Set(['422 validation_failed']));
      const statuses = await Promise.all(Array.from({ length: 20 }, () => announce('POST /auth/login', millionKeys)));
      expect(new Set(statuses)).toEqual(new Set([413]));
    }));
});

/** Announces the length of its body, and sends it as fast as possible until there is a response. @returns the status */
async function announce(line: string, length: number): Promise<number> {
  const socket = connectTo(server);
  socket.write(`${line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`);
  for (let sent = 0; sent < length && socket.writable && !socket.writableNeedDrain; sent += 16_384)
    socket.write(' '.repeat(16_384));
  const [raw] = await Promise.all([untilClosed(socket), sleep(1)]);
  return parseAnswer(raw).status;
}
