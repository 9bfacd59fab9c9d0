import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from './processes.mjs';

/** The folder of Postgres' programs, or undefined. */
export function findPostgres() {
  const packaged = '/usr/lib/postgresql';
  const versions = existsSync(packaged) ? readdirSync(packaged).sort((a, b) => Number(b) - Number(a)) : [];
  return [...process.env.PATH.split(delimiter), ...versions.map((version) => join(packaged, version, 'bin'))].find(
    (folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')),
  );
}

/** A temporary server with its default settings (so each commit is on disk); `remove()` deletes it. */
export async function startPostgres(bin) {
  // Postgres refuses to run as root.
  const user = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  const dir = mkdtempSync(join(tmpdir(), 'gatelatch-bench-postgres-'));
  if (user.uid !== undefined) chownSync(dir, user.uid, user.gid);
  const data = join(dir, 'data');
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
    ...user,
    cwd: dir,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const port = await freePort();
  const args = ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='];
  const server = spawn(join(bin, 'postgres'), args, { ...user, cwd: dir, stdio: 'ignore' });
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  for (let tries = 0; !(await answers(url)); tries += 1) {
    if (tries > 100 || server.exitCode !== null) throw new Error('Postgres did not start.');
    await sleep(100);
  }
  return {
    url,
    async remove() {
      if (server.exitCode === null && server.kill('SIGINT')) await once(server, 'exit');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Its own database on that server: the bench touches no other. */
export async function createDatabase(serverUrl, name) {
  const sql = (text) => withClient(serverUrl, (client) => client.query(text));
  await sql(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, remove: () => sql(`DROP DATABASE ${name} WITH (FORCE)`) };
}

export async function versionOf(url) {
  return withClient(url, async (client) => (await client.query('SHOW server_version')).rows[0].server_version);
}

async function withClient(url, work) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end();
  }
}

function answers(url) {
  return withClient(url, () => true).catch(() => false);
}

function idOf(flag) {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
}
