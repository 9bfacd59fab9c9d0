import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messages, PGlite } from '@electric-sql/pglite';
import { DriverAdapterError, type SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import { PrismaPGlite } from 'pglite-prisma-adapter';
import { holdDirectory } from './directory-hold.js';
import type { Driver } from './driver.js';
import { listenOnEmbedded } from './listen.js';
import { withScriptRunner } from './script-runner.js';

/**
 * Postgres inside this process (PGlite), with one connection, gone when it is closed.
 */
export async function openInMemory(): Promise<Driver> {
  return await driverOf(await PGlite.create());
}

/**
 * The same, kept in a directory: its data in `pgdata`, and beside it the socket of the process that has it.
 *
 * @throws one line naming the holder where another process has the directory.
 */
export async function openInDirectory(dir: string): Promise<Driver> {
  const hold = await holdDirectory(dir);
  try {
    const driver = await driverOf(await openData(dir));
    return { ...driver, hold, close: () => driver.close().finally(hold.release) };
  } catch (error) {
    await hold.release();
    throw error;
  }
}

/** Whether a database has been made in this directory. */
export function holdsData(dir: string): boolean {
  return existsSync(join(dir, DATA));
}

// Within the directory, beside the socket of whoever has it.
const DATA = 'pgdata';

// A database appears under its name only when it is complete, or a first start that is killed would leave half a one
// for ever. Opening it anew costs a quarter of a second and gives back the 400 MB that making it took.
async function openData(dir: string): Promise<PGlite> {
  const data = join(dir, DATA);
  if (!holdsData(dir)) {
    const unfinished = join(dir, 'pgdata.new');
    await rm(unfinished, { recursive: true, force: true });
    const pglite = await PGlite.create({ dataDir: unfinished });
    await pglite.close();
    await rename(unfinished, data);
  }
  return await PGlite.create({ dataDir: data });
}

/** What works on an embedded database that is open. Closing it closes that. */
export async function driverOf(pglite: PGlite): Promise<Driver> {
  // The adapter writes times without an offset and strips it when it reads: only UTC keeps them true.
  await pglite.exec("SET TIME ZONE 'UTC'");
  return {
    kind: 'embedded',
    adapters: new PrismaPGlite(pglite),
    listen: listenOnEmbedded(pglite),
    // Nobody else can migrate: there is one connection, and one process has the directory.
    withMigrationLock: async (work) => await work(embeddedMigrationAdapters(pglite)),
    withSession: async (work) => await work((text, values) => runSql(pglite, text, values)),
    runSql: undefined,
    pool: undefined,
    close: async () => await pglite.close(),
    hold: undefined,
  };
}

/** What the schema engine needs to work on an embedded database. */
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

// The schema engine writes the reason into `_prisma_migrations`, and understands only errors of this shape.
function adapterError({ message, code = 'XX000', severity = 'ERROR', detail, column, hint }: messages.DatabaseError) {
  const original = { originalCode: code, originalMessage: message };
  return new DriverAdapterError({ kind: 'postgres', code, severity, message, detail, column, hint, ...original });
}
