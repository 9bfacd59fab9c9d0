import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { embeddedMigrationAdapters } from '../embedded/embedded.js';
import { MIGRATIONS_FOLDER, migrationList, readMigrations } from './folder.js';
import { NO_FILTERS, openSchemaEngine, type SchemaEngine, type SchemaFile } from './schema-engine.js';

const SCHEMA_FOLDER = dirname(MIGRATIONS_FOLDER);

/** For development; a running server never uses it. */
type SchemaSource = {
  files: SchemaFile[];
  folder: string;
};

export async function checkedOutSchema(): Promise<SchemaSource> {
  const names = (await readdir(SCHEMA_FOLDER)).filter((name) => name.endsWith('.prisma')).sort();
  return { files: await Promise.all(names.map(readSchemaFile)), folder: MIGRATIONS_FOLDER };
}

async function readSchemaFile(name: string): Promise<SchemaFile> {
  const path = join(SCHEMA_FOLDER, name);
  return { path, content: await readFile(path, 'utf8') };
}

/** Runs the migrations on a temporary database. @returns the SQL that they lack; empty if they match the schema */
export async function missingMigration(source: SchemaSource): Promise<string> {
  const pglite = await PGlite.create();
  const adapters = embeddedMigrationAdapters(pglite);
  // The migrations run on the shadow database; a temporary database can be its own.
  const engine = await openSchemaEngine({ ...adapters, connectToShadowDb: adapters.connect }, source.files);
  try {
    return await diff(engine, source);
  } finally {
    engine.free();
    await pglite.close();
  }
}

async function diff(engine: SchemaEngine, { files, folder }: SchemaSource): Promise<string> {
  const migrations = migrationList(folder, await readMigrations(folder));
  const { stdout } = await engine.diff({
    from: { tag: 'migrations', ...migrations },
    to: { tag: 'schemaDatamodel', files },
    script: true,
    exitCode: null,
    filters: NO_FILTERS,
  });
  return stdout === null || stdout.trim() === EMPTY ? '' : stdout;
}

const EMPTY = '-- This is an empty migration.';
