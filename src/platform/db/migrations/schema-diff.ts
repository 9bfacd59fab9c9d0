import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import { embeddedMigrationAdapters } from '../embedded/embedded.js';
import { MIGRATIONS_FOLDER, migrationList, readMigrations } from './folder.js';
import { NO_FILTERS, openSchemaEngine, type SchemaEngine } from './schema-engine.js';

/** `prisma/schema.prisma` of this checkout. */
export const SCHEMA_FILE = fileURLToPath(new URL('../../../../prisma/schema.prisma', import.meta.url));

/** For those who work on the schema; a running server never calls it. */
export type SchemaSource = {
  /** The text of the schema. */
  schema: string;
  /** The folder of the migrations. */
  folder: string;
};

/** What this checkout holds. */
export async function checkedOutSchema(): Promise<SchemaSource> {
  return { schema: await readFile(SCHEMA_FILE, 'utf8'), folder: MIGRATIONS_FOLDER };
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
  const engine = await openSchemaEngine({ ...adapters, connectToShadowDb: adapters.connect }, source.schema);
  try {
    return await diff(engine, source);
  } finally {
    engine.free();
    await pglite.close();
  }
}

async function diff(engine: SchemaEngine, { schema, folder }: SchemaSource): Promise<string> {
  const migrations = migrationList(folder, await readMigrations(folder));
  const { stdout } = await engine.diff({
    from: { tag: 'migrations', ...migrations },
    to: { tag: 'schemaDatamodel', files: [{ path: SCHEMA_FILE, content: schema }] },
    script: true,
    exitCode: null,
    filters: NO_FILTERS,
  });
  return stdout === null || stdout.trim() === EMPTY ? '' : stdout;
}

// What the engine prints where there is nothing to do.
const EMPTY = '-- This is an empty migration.';
