import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';

/** A temporary Redis on its own port, which forgets everything when it stops. */
export type RedisServer = {
  url: string;
  /** Ends it at once, as a crash does. */
  crash(): Promise<void>;
  /** Starts it again after a crash, on the same port. */
  restart(): Promise<void>;
  /** Stops answering, as a hung machine does. */
  freeze(): void;
  thaw(): void;
  remove(): Promise<void>;
};

/** @param options of its command line @throws a clear line if there is no redis-server */
export async function startRedisServer(...options: string[]): Promise<RedisServer> {
  if (spawnSync('redis-server', ['--version']).error)
    throw new Error('There is no Redis for these tests: install it (Debian: apt-get install redis-server).');
  const dir = mkdtempSync(join(tmpdir(), 'gatelatch-redis-'));
  const port = await freePort();
  const start = () => startServer(port, dir, options);
  let server = await start();
  const crash = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exit = once(server, 'exit');
    server.kill('SIGKILL');
    await exit;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    crash,
    async restart() {
      server = await start();
    },
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    async remove() {
      await crash();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function startServer(port: number, dir: string, options: string[]): Promise<ChildProcess> {
  const args = [
    ...options,
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    dir,
  ];
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  for (let tries = 0; tries < 100 && server.exitCode === null; tries++) {
    if (await accepts(port)) return server;
    await sleep(50);
  }
  server.kill('SIGKILL');
  throw new Error('redis-server did not start.');
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
