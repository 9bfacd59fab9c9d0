import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../src/platform/db/database.js';
import { migrate } from '../../src/platform/db/migrations/migrate.js';

/** The migrated databases that are copied for each test file. */
export type Templates = {
  /** The directory of a closed, embedded one. Files next to it are removed with it. */
  embedded: string;
  /** What is in it, as one file to make databases in memory of. */
  snapshot: string;
  /** One on the server that TEST_DATABASE_URL names. */
  server?: { url: string; name: string };
};

declare module 'vitest' {
  export interface ProvidedContext {
    templates: Templates;
  }
}

/** Vitest's global setup: runs initdb and migrations once, not once per file. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'gatelatch-test-'));
  const embedded = join(folder, 'template');
  await fill(`pglite:${embedded}`);
  const snapshot = join(folder, 'snapshot.tar');
  await takeSnapshot(embedded, snapshot);
  const serverUrl = process.env.TEST_DATABASE_URL;
  const server = serverUrl ? await makeServerTemplate(serverUrl) : undefined;
  project.provide('templates', { embedded, snapshot, ...(server && { server }) });
  return async () => {
    rmSync(folder, { recursive: true, force: true });
    if (server) await dropAll(server);
  };
}

async function makeServerTemplate(url: string): Promise<{ url: string; name: string }> {
  const name = `gatelatch_template_${randomBytes(6).toString('hex')}`;
  await onServer(url, `CREATE DATABASE ${name}`);
  await fill(withDatabase(url, name));
  return { url, name };
}

// With those that were made of it and lent.
async function dropAll({ url, name }: { url: string; name: string }): Promise<void> {
  const all = await onServer(url, `SELECT datname FROM pg_database WHERE starts_with(datname, '${name}')`);
  for (const { datname } of all) await onServer(url, `DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
}

async function fill(url: string): Promise<void> {
  const database = await openDatabase({ url, poolSize: 1 });
  await migrate(database);
  await database.close();
}

async function takeSnapshot(directory: string, file: string): Promise<void> {
  const pglite = await PGlite.create({ dataDir: join(directory, 'pgdata') });
  const snapshot = await pglite.dumpDataDir('none');
  writeFileSync(file, Buffer.from(await snapshot.arrayBuffer()));
  await pglite.close();
}

/** Runs one statement on the server's own database. @returns its rows */
export async function onServer(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** The URL of another database on the same server. */
export function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}
