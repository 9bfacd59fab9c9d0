import type { Database } from '../database.js';
import { sqlState } from '../errors.js';
import { MIGRATIONS_FOLDER, type Migration, type MigrationList, migrationList, readMigrations } from './folder.js';
import { NO_FILTERS, openSchemaEngine, type SchemaEngine } from './schema-engine.js';

/**
 * Applies missing migrations and writes `_prisma_migrations` like `prisma migrate deploy`. Several instances may call
 * it at once; if nothing is pending it costs one query. Unknown migrations in the database are ignored, so an old
 * version still starts during a rollout.
 * @returns the names of the migrations applied now
 * @throws one line if an applied migration was edited, or one failed
 */
export async function migrate(database: Database, folder = MIGRATIONS_FOLDER): Promise<{ applied: string[] }> {
  const migrations = await readMigrations(folder);
  if (await isUpToDate(database, migrations)) return { applied: [] };
  return await database.withMigrationLock(async (adapters) => {
    const engine = await openSchemaEngine(adapters);
    try {
      return { applied: await applyPending(engine, migrationList(folder, migrations)) };
    } finally {
      engine.free();
    }
  });
}

const UNDEFINED_TABLE = '42P01';

type AppliedRow = { migration_name: string; checksum: string };

async function isUpToDate({ client }: Database, migrations: readonly Migration[]): Promise<boolean> {
  const rows = await client.$queryRaw<AppliedRow[]>`
    SELECT migration_name, checksum FROM _prisma_migrations
    WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`.catch(noRowsWithoutTable);
  const checksums = new Map(rows.map((row) => [row.migration_name, row.checksum]));
  return migrations.every(({ name, checksum }) => checksums.get(name) === checksum);
}

function noRowsWithoutTable(error: unknown): AppliedRow[] {
  if (sqlState(error) === UNDEFINED_TABLE) return [];
  throw error;
}

async function applyPending(engine: SchemaEngine, list: MigrationList): Promise<string[]> {
  const found = await engine.diagnoseMigrationHistory({
    migrationsList: list,
    optInToShadowDatabase: false,
    filters: NO_FILTERS,
  });
  refuse(
    found.failedMigrationNames,
    'failed earlier; its row in _prisma_migrations says why. Fix the cause, set rolled_back_at there, start again.',
  );
  refuse(found.editedMigrationNames, 'has been edited since it was applied. Restore it, and make a new one.');
  const done = await engine.applyMigrations({ migrationsList: list, filters: NO_FILTERS }).catch(inOneLine);
  return done.appliedMigrationNames;
}

function refuse([name]: string[], reason: string): void {
  if (name !== undefined) throw new Error(`The migration ${name} ${reason}`);
}

// The engine's message continues with a trace, which names the migration.
function inOneLine(cause: unknown): never {
  const text = cause instanceof Error ? cause.message : String(cause);
  const name = /migration_name="(.+?)"/.exec(text)?.[1];
  const [reason = ''] = text.replace(/^external connector error\n/, '').split(/\n +0: /);
  throw new Error(`${name === undefined ? 'The migrations' : `The migration ${name}`} failed: ${reason}`, { cause });
}
