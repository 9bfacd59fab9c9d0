import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LOCKFILE = 'migration_lock.toml';
const SCRIPT = 'migration.sql';

/** `prisma/migrations` of this installation: both `src/db` and `dist/db` lie two folders below the root. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../../../prisma/migrations', import.meta.url));

/** One migration as it lies on the disk. */
export type Migration = {
  /** `<timestamp>_<name>`; migrations run in the order of their names. */
  name: string;
  sql: string;
  /** SHA-256 of the script in hexadecimal, as `_prisma_migrations` keeps it. */
  checksum: string;
};

/** What the schema engine takes as its list of migrations. */
export type MigrationList = {
  baseDir: string;
  lockfile: { path: string; content: string | null };
  shadowDbInitScript: string;
  migrationDirectories: {
    path: string;
    migrationFile: { path: string; content: { tag: 'ok'; value: string } };
  }[];
};

/**
 * Reads every migration, in the order in which they run.
 *
 * @throws where the folder is missing, or one of its folders has no `migration.sql`.
 */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return await Promise.all(names.sort().map((name) => readMigration(folder, name)));
}

async function readMigration(folder: string, name: string): Promise<Migration> {
  const sql = await readFile(join(folder, name, SCRIPT), 'utf8');
  return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
}

/** The same migrations in the shape that the schema engine asks for. */
export function migrationList(folder: string, migrations: readonly Migration[]): MigrationList {
  return {
    baseDir: folder,
    lockfile: { path: LOCKFILE, content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: SCRIPT, content: { tag: 'ok', value: sql } },
    })),
  };
}
