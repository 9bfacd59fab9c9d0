import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import pg from 'pg';
import { createProgram, freePort } from './programs.mjs';

/**
 * A Postgres in a temporary folder, not yet started.
 * @param settings of postgresql.conf, such as `timezone=America/Sao_Paulo`
 * @returns the program with its URL; `remove()` ends it and deletes its data
 * @throws if there is no Postgres on this machine
 */
export async function createTemporaryPostgres(settings) {
  const dir = mkdtempSync(join(tmpdir(), 'gatelatch-postgres-'));
  // Postgres' own user must reach its data.
  chmodSync(dir, 0o755);
  const program = await createPrimary(dir, settings);
  const remove = async () => {
    await program.end();
    rmSync(dir, { recursive: true, force: true });
  };
  return Object.assign(program, { remove });
}

/**
 * A primary, not yet started. Without `fsync` it loses data only if the machine fails, not if its processes are killed.
 * @returns the program with its URL
 */
export async function createPrimary(dir, settings = ['fsync=off']) {
  const data = folderOfPostgres(dir, 'primary');
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--no-instructions'];
  run(join(binaries(), 'initdb'), initdb, { cwd: dir });
  const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
  return postgresOn(data, dir, { command: join(binaries(), 'postgres'), args });
}

/** A streaming replica of the running primary: read-only, some milliseconds behind. Made by the image's scripts. */
export async function createReplica(dir, primary) {
  const env = {
    PATH: `${binaries()}:${process.env.PATH}`,
    PGHOST: '127.0.0.1',
    PGPORT: new URL(primary.url).port,
  };
  const toPrimary = {
    PGDATA: primary.data,
    POSTGRES_USER: 'postgres',
    POSTGRES_DB: 'postgres',
    REPLICATION_PASSWORD: '-',
  };
  run('sh', imageScript('allow-replica.sh'), { cwd: dir, env: { ...env, ...toPrimary } });
  const data = folderOfPostgres(dir, 'replica');
  const copying = { ...env, PGDATA: data, PGUSER: 'replica' };
  return postgresOn(data, dir, { command: 'sh', args: imageScript('replica.sh'), env: copying });
}

/** The arguments for `sh`. As text, because Postgres' user may not be allowed to read this folder. */
function imageScript(name) {
  return ['-c', readFileSync(new URL(`../postgres/${name}`, import.meta.url), 'utf8'), name];
}

function run(command, args, options) {
  execFileSync(command, args, { ...options, ...postgresUser(), stdio: ['ignore', 'ignore', 'inherit'] });
}

async function postgresOn(data, dir, { command, args, env }) {
  const port = await freePort();
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  const program = createProgram({
    command,
    args: [...args, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    log: `${data}.log`,
    isUp: () => answers(url),
    // SIGTERM would wait until all clients have disconnected.
    stopSignal: 'SIGINT',
    cwd: dir,
    env,
    ...postgresUser(),
  });
  return Object.assign(program, { url, data });
}

const programs = ['initdb', 'postgres', 'pg_basebackup'];

function binaries() {
  const found = findPostgres();
  if (found !== undefined) return found;
  throw new Error(
    'There is no Postgres on this machine: install it (Debian: apt-get install postgresql), so that its programs are on ' +
      'the PATH or in /usr/lib/postgresql/<version>/bin.',
  );
}

/** The folder of its programs, on the PATH or Debian's; undefined if there is none. */
export function findPostgres() {
  const packaged = '/usr/lib/postgresql';
  const versions = existsSync(packaged) ? readdirSync(packaged).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...process.env.PATH.split(delimiter), ...versions.map((one) => join(packaged, one, 'bin'))];
  return folders.find((folder) => programs.every((program) => existsSync(join(folder, program))));
}

// Postgres refuses to run as root.
function postgresUser() {
  if (process.getuid?.() !== 0) return {};
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function folderOfPostgres(dir, name) {
  const folder = join(dir, name);
  mkdirSync(folder, { mode: 0o700 });
  const { uid, gid } = postgresUser();
  if (uid !== undefined) chownSync(folder, uid, gid);
  return folder;
}

async function answers(url) {
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
