import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../../src/platform/db/database.js';
import { MIGRATIONS_FOLDER } from '../../../../src/platform/db/migrations/folder.js';
import { migrate } from '../../../../src/platform/db/migrations/migrate.js';

const checkedOutMigrations = readdirSync('prisma/migrations')
  .filter((name) => /^\d{14}_/.test(name))
  .sort();

describe('migrating', () => {
  let folder: string;
  let database: Database;

  beforeAll(async () => {
    database = await openDatabase({ url: 'pglite:memory', poolSize: 1 });
  });
  afterAll(async () => await database.close());

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'gatelatch-migrations-'));
    await database.client.$executeRawUnsafe('DROP SCHEMA public CASCADE');
    await database.client.$executeRawUnsafe('CREATE SCHEMA public');
    return () => rmSync(folder, { recursive: true, force: true });
  });

  function write(name: string, sql: string): void {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, 'migration.sql'), sql);
  }

  it('creates the tables of an empty database, and does nothing the second time', async () => {
    const { applied } = await migrate(database);
    expect(applied).toEqual(checkedOutMigrations);
    expect(await database.client.user.count()).toBe(0);
    const calls = countCallsOf(database);
    expect(await migrate(calls.database)).toEqual({ applied: [] });
    expect(calls.locks).toBe(0);
  });

  it('fills _prisma_migrations as Prisma does', async () => {
    write('1_a', 'CREATE TABLE a (x int)');
    await migrate(database, folder);
    const rows = await database.client.$queryRaw<Record<string, unknown>[]>`SELECT * FROM _prisma_migrations`;
    expect(rows).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
        migration_name: '1_a',
        logs: null,
        rolled_back_at: null,
        started_at: expect.any(Date),
        finished_at: expect.any(Date),
        applied_steps_count: 1,
      },
    ]);
  });

  it('applies only new migrations, in the order of their names', async () => {
    write('1_a', 'CREATE TABLE a (x int)');
    await migrate(database, folder);
    write('3_c', 'ALTER TABLE b ADD COLUMN y int');
    write('2_b', 'CREATE TABLE b (x int)');
    expect(await migrate(database, folder)).toEqual({ applied: ['2_b', '3_c'] });
  });

  it('runs a script whole, also with semicolons in strings and functions', async () => {
    write('1_a', `CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; RETURN 'a;b'; END $$;`);
    await migrate(database, folder);
    expect(await database.client.$queryRaw`SELECT f()`).toEqual([{ f: 'a;b' }]);
  });

  it('undoes a failed migration, says why in one line, and refuses the next start', async () => {
    write('1_a', 'CREATE TABLE a (x int); SELECT 1/0; CREATE TABLE b (x int)');
    await expect(migrate(database, folder)).rejects.toThrow(/^The migration 1_a failed: .*division by zero$/);
    expect(await database.client.$queryRaw`SELECT to_regclass('a')::text AS a`).toEqual([{ a: null }]);
    write('1_a', 'CREATE TABLE a (x int)');
    await expect(migrate(database, folder)).rejects.toThrow(/^The migration 1_a failed earlier.*$/);
  });

  it('applies a failed migration again once it is marked as rolled back', async () => {
    write('1_a', 'SELECT 1/0');
    await expect(migrate(database, folder)).rejects.toThrow();
    await database.client.$executeRaw`UPDATE _prisma_migrations SET rolled_back_at = now()`;
    write('1_a', 'CREATE TABLE a (x int)');
    expect(await migrate(database, folder)).toEqual({ applied: ['1_a'] });
  });

  it('refuses a migration that was edited after it was applied', async () => {
    cpSync(MIGRATIONS_FOLDER, folder, { recursive: true });
    write('1_a', 'SELECT 1');
    await migrate(database, folder);
    write('1_a', 'SELECT 2');
    await expect(migrate(database, folder)).rejects.toThrow(/^The migration 1_a has been edited.*$/);
  });

  it('lets an old version start on a database that a newer one has migrated', async () => {
    write('1_a', 'SELECT 1');
    write('2_b', 'SELECT 1');
    await migrate(database, folder);
    rmSync(join(folder, '2_b'), { recursive: true });
    expect(await migrate(database, folder)).toEqual({ applied: [] });
  });

  it('refuses a database with tables of another application', async () => {
    await database.client.$executeRaw`CREATE TABLE theirs (x int)`;
    await expect(migrate(database)).rejects.toThrow(/not empty/);
  });
});

function countCallsOf(database: Database): { database: Database; locks: number } {
  const calls = {
    locks: 0,
    database: {
      ...database,
      withMigrationLock: (work) => {
        calls.locks++;
        return database.withMigrationLock(work);
      },
    } satisfies Database as Database,
  };
  return calls;
}
