import { readdirSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../../src/platform/db/database.js';
import { migrate } from '../../../../src/platform/db/migrations/migrate.js';
import { createServerDatabase, type TestDatabase } from '../../../support/test-database.js';

const checkedOutMigrations = readdirSync('prisma/migrations')
  .filter((name) => /^\d{14}_/.test(name))
  .sort();

describe('migrating a server', () => {
  let files: TestDatabase;
  let databases: Database[];

  beforeAll(async () => {
    files = await createServerDatabase('empty');
    databases = await Promise.all(Array.from({ length: 5 }, () => openDatabase({ url: files.url, poolSize: 2 })));
  });
  afterAll(async () => {
    await Promise.all(databases.map((database) => database.close()));
    await files.drop();
  });

  it('waits for the lock longer than any time limit, and happens once even if many start together', async () => {
    const other = new pg.Client(files.url);
    await other.connect();
    await other.query('SELECT pg_advisory_lock(72707369)');
    const migrating = Promise.all(databases.map((database) => migrate(database)));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await other.end();
    const applied = (await migrating).flatMap((result) => result.applied);
    expect(applied).toEqual(checkedOutMigrations);
  });

  it('leaves no lock behind', async () => {
    const [locks] = await Promise.all(
      databases.map(
        ({ client }) => client.$queryRaw`
          SELECT objid FROM pg_locks
          WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      ),
    );
    expect(locks).toEqual([]);
  });
});
