import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type AskDatabase, empty, shapeOf } from './emptied.js';
import { onServer, type Templates, withDatabase } from './template-databases.js';
import type { TestDatabase } from './test-database.js';

type Kept = { name: string; shape: string };

const waiting: Kept[] = [];

/** A migrated, empty database on the server; one that another test gave back, where there is one. */
export async function lendServerDatabase(server: NonNullable<Templates['server']>): Promise<TestDatabase> {
  const kept = waiting.pop() ?? (await make(server));
  const url = withDatabase(server.url, kept.name);
  return {
    url,
    async drop() {
      if (await isAsBefore(url, kept).catch(() => false)) waiting.push(kept);
      else await onServer(server.url, `DROP DATABASE IF EXISTS ${kept.name} WITH (FORCE)`);
    },
  };
}

async function make({ url, name: template }: NonNullable<Templates['server']>): Promise<Kept> {
  // By its beginning the end of the run finds it.
  const name = `${template}_${randomBytes(6).toString('hex')}`;
  await onServer(url, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  return { name, shape: await within(withDatabase(url, name), shapeOf) };
}

async function isAsBefore(url: string, { shape }: Kept): Promise<boolean> {
  return await within(url, async (ask) => {
    await ask(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()`);
    if ((await shapeOf(ask)) !== shape) return false;
    await empty(ask);
    return true;
  });
}

async function within<T>(url: string, work: (ask: AskDatabase) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, lock_timeout: 5_000 });
  await client.connect();
  try {
    return await work(async (sql) => (await client.query(sql)).rows);
  } finally {
    await client.end();
  }
}
