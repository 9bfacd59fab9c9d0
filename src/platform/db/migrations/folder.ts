import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LOCKFILE = 'migration_lock.toml';
const SCRIPT = 'migration.sql';

/** `src/platform/db/migrations` and its copy in `dist` are equally deep. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../../../prisma/migrations', import.meta.url));

export type Migration = {
  /** `<timestamp>_<name>`; migrations run in the order of their names. */
  name: string;
  sql: string;
  /** SHA-256 of the script in hexadecimal, as in `_prisma_migrations`. */
  checksum: string;
};

export type MigrationList = {
  baseDir: string;
  lockfile: { path: string; content: string | null };
  shadowDbInitScript: string;
  migrationDirectories: {
    path: string;
    migrationFile: { path: string; content: { tag: 'ok'; value: string } };
  }[];
};

/** Reads every migration, in order. @throws if the folder or a `migration.sql` is missing. */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return await Promise.all(names.sort().map((name) => readMigration(folder, name)));
}

async function readMigration(folder: string, name: string): Promise<Migration> {
  const sql = await readFile(join(folder, name, SCRIPT), 'utf8');
  return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
}

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
