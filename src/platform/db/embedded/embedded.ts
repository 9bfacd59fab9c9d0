import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { messages, PGlite, types } from '@electric-sql/pglite';
import { DriverAdapterError, type SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import { PrismaPGlite } from 'pglite-prisma-adapter';
import { makePrivate } from '../../process/file-rights.js';
import type { Driver } from '../driver.js';
import { listenOnEmbedded } from '../listen.js';
import { withScriptRunner } from '../migrations/script-runner.js';
import { sessionSettings } from '../session.js';
import { dataFolder, lockDirectory } from './directory-lock.js';
import { makeCluster } from './new-cluster.js';

export async function openInMemory(): Promise<Driver> {
  return await driverOf(await createPGlite());
}

/**
 * The same in a directory, with the lock's socket beside the data.
 * @throws one line that names the process that has it
 */
export async function openInDirectory(dir: string): Promise<Driver> {
  const lock = await lockDirectory(dir);
  try {
    const driver = await driverOf(await openData(dir));
    return { ...driver, lock, close: () => driver.close().finally(lock.release) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

export function holdsData(dir: string): boolean {
  return existsSync(join(dir, dataFolder));
}

// A complete database gets its name last, so a first start that is killed leaves no half one.
async function openData(dir: string): Promise<PGlite> {
  const data = join(dir, dataFolder);
  if (!holdsData(dir)) {
    const unfinished = join(dir, 'pgdata.new');
    await rm(unfinished, { recursive: true, force: true });
    await makeCluster(unfinished);
    await rename(unfinished, data);
  }
  // The files in it have the modes of initdb and PGlite, for which the directory must make up.
  await makePrivate(data);
  return await createPGlite(data);
}

async function createPGlite(dataDir?: string): Promise<PGlite> {
  // By default V8 optimizes a function of WebAssembly long before it pays: on a first start that is 1 s of processor time
  // and 50 MB, which stay (Node 20: 2 s and 90 MB).
  setFlagsFromString('--wasm-tiering-budget=100000000');
  return await PGlite.create({ ...(dataDir !== undefined && { dataDir }), startParams: START_PARAMS });
}

// PGlite writes to all of its buffers when it starts: Postgres' default of 128 MB would be held from then on. What is
// not in them is read from the file, which the operating system has in its memory.
const START_PARAMS = [...PGlite.defaultStartParams, '-c', 'shared_buffers=32MB'];

const parsers = { [types.INT8]: BigInt };

/** What works on an embedded database that is open. Closing it closes that. */
export async function driverOf(pglite: PGlite): Promise<Driver> {
  await pglite.exec(sessionSettings([], 'public'));
  return {
    kind: 'embedded',
    adapters: new PrismaPGlite(pglite),
    listen: listenOnEmbedded(pglite),
    notify: async (channel, payload) => void (await pglite.query('SELECT pg_notify($1, $2)', [channel, payload])),
    // No lock needed: one connection, and one process has the directory.
    withMigrationLock: async (work) => await work(embeddedMigrationAdapters(pglite)),
    withSession: async (work) => await work((text, values) => runSql(pglite, text, values)),
    runDirect: async ({ text, values }) => (await pglite.query(text, values, { parsers })).rows,
    runSql: undefined,
    pool: undefined,
    close: async () => await pglite.close(),
    lock: undefined,
  };
}

export function embeddedMigrationAdapters(pglite: PGlite): SqlMigrationAwareDriverAdapterFactory {
  return withScriptRunner(new PrismaPGlite(pglite), (_adapter, script) => runScript(pglite, script));
}

async function runSql(pglite: PGlite, text: string, values: unknown[]) {
  const { rows, affectedRows = null } = await pglite.query(text, values);
  return { rows, rowCount: affectedRows };
}

async function runScript(pglite: PGlite, script: string): Promise<void> {
  try {
    await pglite.exec(script);
  } catch (error) {
    if (!(error instanceof messages.DatabaseError)) throw error;
    throw adapterError(error);
  }
}

// The schema engine only understands errors of this shape; it writes the reason into `_prisma_migrations`.
function adapterError({ message, code = 'XX000', severity = 'ERROR', detail, column, hint }: messages.DatabaseError) {
  const original = { originalCode: code, originalMessage: message };
  return new DriverAdapterError({ kind: 'postgres', code, severity, message, detail, column, hint, ...original });
}
