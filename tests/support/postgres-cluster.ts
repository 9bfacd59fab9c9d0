import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from './free-port.js';

/** A temporary Postgres server on its own port. */
export type PostgresCluster = {
  /** The superuser's URL. */
  url: string;
  /** Stops answering, as a hung machine does: it accepts connections but sends nothing. */
  freeze(): void;
  thaw(): void;
  /** Ends it at once, as a crash does. */
  crash(): Promise<void>;
  /** Starts it again after a crash, on the same port with the same data. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
};

/**
 * Creates and starts a cluster; about a second. Postgres refuses to run as root, so root runs it as `postgres`.
 * @param settings of postgresql.conf, such as `timezone=America/Sao_Paulo`.
 * @throws a clear line if there is no `initdb`.
 */
export async function startPostgresCluster(settings: string[] = []): Promise<PostgresCluster> {
  const bin = findBinaries();
  const user = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  const dir = mkdtempSync(join(tmpdir(), 'gatelatch-postgres-'));
  if (user !== undefined) chownSync(dir, user.uid, user.gid);
  const data = join(dir, 'data');
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--no-instructions'];
  execFileSync(join(bin, 'initdb'), initdb, { ...user, cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] });
  const port = await freePort();
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  const options = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', ...settings];
  const args = ['-D', data, '-p', String(port), ...options.flatMap((option) => ['-c', option])];
  const start = () => startServer(join(bin, 'postgres'), args, { ...user, cwd: dir }, url);

  let server = await start();
  return {
    url,
    freeze: () => signalAll(server, 'SIGSTOP'),
    thaw: () => signalAll(server, 'SIGCONT'),
    crash: async () => await crash(server),
    restart: async () => {
      server = await start();
    },
    remove: async () => {
      await crash(server);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function findBinaries(): string {
  const packaged = '/usr/lib/postgresql';
  const versions = existsSync(packaged) ? readdirSync(packaged).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...versions.map((version) => join(packaged, version, 'bin')),
  ];
  const found = folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
  if (found !== undefined) return found;
  throw new Error(
    'There is no Postgres for these tests: set TEST_DATABASE_URL to a superuser of one, or install it, so that ' +
      'initdb is on the PATH or in /usr/lib/postgresql/<version>/bin.',
  );
}

type User = { uid: number; gid: number };

function unprivilegedUser(): User {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function startServer(
  command: string,
  args: string[],
  options: Partial<User> & { cwd: string },
  url: string,
): Promise<ChildProcess> {
  const server = spawn(command, args, { ...options, stdio: 'ignore' });
  for (let tries = 0; tries < 100 && server.exitCode === null; tries++) {
    if (await answers(url)) return server;
    await delay(100);
  }
  server.kill('SIGKILL');
  throw new Error(`${command} did not start.`);
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}

// Each backend has its own process group, so they must be found one by one.
function signalAll(server: ChildProcess, signal: NodeJS.Signals): void {
  const listing = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const processes = listing.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  server.kill(signal);
  for (const [pid, parent] of processes) {
    if (pid !== undefined && parent === server.pid) signalOne(pid, signal);
  }
}

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

async function crash(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exit = once(server, 'exit');
  signalAll(server, 'SIGKILL');
  await exit;
}
