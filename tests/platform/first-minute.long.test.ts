import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readable } from '../../src/platform/process/terminal-log.js';
import { goodPassword } from '../support/app.js';
import { ask } from '../support/instance.js';

const root = join(import.meta.dirname, '../..');
const main = join(root, 'dist/main.js');
const cwd = mkdtempSync(join(tmpdir(), 'gatelatch-first-minute-'));
const running: ChildProcess[] = [];

beforeAll(() => promisify(execFile)(process.execPath, ['scripts/build.mjs'], { cwd: root }));
afterEach(async () => {
  await Promise.all(running.splice(0).map(end));
  rmSync(join(cwd, '.data'), { recursive: true, force: true });
});

describe('on a terminal', () => {
  it('prints a readable line for each request, and the greeting', async () => {
    const server = await start({}, 'script');
    await ask(server, 'GET /welcome');
    await expect.poll(server.out).toContain('GET /welcome');
    expect(server.out()).toContain('Gatelatch is open at http://localhost:');
    expect(stripVTControlCharacters(server.out())).toMatch(/^\d\d:\d\d:\d\d GET \/welcome 401 \w+ [\d.]+ ms\r?$/m);
    expect(server.out()).not.toContain('{"level"');
    expect(server.out()).toContain('\u001b[');
  });

  it('has no colors with NO_COLOR', async () => {
    const server = await start({ NO_COLOR: '1' }, 'script');
    await ask(server, 'GET /welcome');
    await expect.poll(server.out).toMatch(/^\d\d:\d\d:\d\d GET \/welcome 401 \w+ [\d.]+ ms\r?$/m);
    expect(server.out()).not.toContain('\u001b[');
  });

  it('prints JSON in production', async () => {
    const server = await start({ ...production, NO_COLOR: '1' }, 'script');
    await ask(server, 'GET /welcome');
    await expect.poll(server.out).toMatch(/^\{"level":30,.*"path":"\/welcome"/m);
    expect(server.out()).not.toContain('Gatelatch is open');
  });

  it('never prints control characters that come from outside', () => {
    const entry = {
      level: 30,
      time: new Date().toISOString(),
      msg: 'request',
      method: 'GET',
      path: '/\u001b[2J\u009b\n',
    };
    expect(readable(entry, (_, text) => text)).toMatch(/^\d\d:\d\d:\d\d GET \/[^\p{Cc}]*$/u);
  });

  it('shows the stack of an error', () => {
    const err = { message: 'boom', stack: 'Error: boom\n    at here' };
    const line = readable({ level: 50, time: new Date().toISOString(), msg: 'failed', err }, (_, text) => text);
    expect(line).toMatch(/^\d\d:\d\d:\d\d ERROR failed: boom\nError: boom\n {4}at here$/);
  });
});

describe('where standard output is no terminal', () => {
  it('prints JSON lines and nothing else there; the greeting goes to standard error', async () => {
    const server = await start();
    await ask(server, 'GET /welcome');
    await expect.poll(server.out).toContain('"path":"/welcome"');
    for (const line of server.out().trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');
    expect(server.err()).toContain('Gatelatch is open at');
  });

  it('prints no greeting in production', async () => {
    const server = await start(production);
    expect(server.out()).toContain('"msg":"listening"');
    expect(server.out() + server.err()).not.toContain('Gatelatch is open');
  });
});

describe('on another port than before', () => {
  it('says why access tokens are refused; refresh tokens are good, and JWT_ISSUER keeps both', async () => {
    const first = await start();
    const user = { username: 'ada', password: goodPassword };
    expect((await ask(first, 'POST /auth/signup', { body: user })).status).toBe(201);
    const tokens = (await ask(first, 'POST /auth/login', { body: user })).body;
    expect(first.out()).not.toContain('JWT_ISSUER');
    await end(first.child);

    const issuer = `http://localhost:${new URL(first.url).port}`;
    const second = await start();
    await expect.poll(second.out).toContain(`set JWT_ISSUER=${issuer}`);
    expect((await ask(second, 'GET /me', { bearer: tokens.access_token })).status).toBe(401);
    const refreshed = await ask(second, 'POST /auth/refresh', { body: { refresh_token: tokens.refresh_token } });
    expect(refreshed.status).toBe(200);
    await end(second.child);

    const third = await start({ JWT_ISSUER: issuer });
    expect((await ask(third, 'GET /me', { bearer: tokens.access_token })).status).toBe(200);
  });
});

const production = {
  NODE_ENV: 'production',
  AUTH_SECRET: 'tests-only-0123456789abcdefghijklmnopqrstuvwxyz',
  JWT_ISSUER: 'http://localhost:3000',
  SIGNUP: 'closed',
};

/** Starts the server in `cwd`; by `script`, which gives it a terminal; and waits until it answers. */
async function start(env: Record<string, string> = {}, by: 'node' | 'script' = 'node') {
  const port = await freePort();
  const [file, args] =
    by === 'node' ? [process.execPath, [main]] : ['script', ['-qefc', `'${process.execPath}' '${main}'`, '/dev/null']];
  const environment = { PATH: process.env.PATH, TERM: 'xterm-256color', PORT: `${port}`, ...env };
  const child = spawn(file, args, { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  await expect.poll(() => out, { timeout: 60_000 }).toContain('listening');
  return { child, url: `http://127.0.0.1:${port}`, out: () => out, err: () => err };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
