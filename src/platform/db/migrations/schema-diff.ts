import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { embeddedMigrationAdapters } from '../embedded/embedded.js';
import { MIGRATIONS_FOLDER, migrationList, readMigrations } from './folder.js';
import { NO_FILTERS, openSchemaEngine, type SchemaEngine, type SchemaFile } from './schema-engine.js';

/** `prisma` of this checkout: each `.prisma` file in it is a part of the schema. */
export const SCHEMA_FOLDER = dirname(MIGRATIONS_FOLDER);

/** For those who work on the schema; a running server never calls it. */
export type SchemaSource = {
  /** The files of the schema. */
  files: SchemaFile[];
  /** The folder of the migrations. */
  folder: string;
};

/** What this checkout holds. */
export async function checkedOutSchema(): Promise<SchemaSource> {
  const names = (await readdir(SCHEMA_FOLDER)).filter((name) => name.endsWith('.prisma')).sort();
  return { files: await Promise.all(names.map(readSchemaFile)), folder: MIGRATIONS_FOLDER };
}

async function readSchemaFile(name: string): Promise<SchemaFile> {
  const path = join(SCHEMA_FOLDER, name);
  return { path, content: await readFile(path, 'utf8') };
}

/**
 * Plays the migrations on a throw-away database and compares it with the schema.
 *
 * @returns the SQL that is missing among the migrations; empty where they and the schema agree.
 */
export async function missingMigration(source: SchemaSource): Promise<string> {
  const pglite = await PGlite.create();
  const adapters = embeddedMigrationAdapters(pglite);
  // The migrations are played on the shadow database, and a throw-away one may be its own.
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

// What the engine prints where there is nothing to do.
const EMPTY = '-- This is an empty migration.';
