import { randomBytes } from 'node:crypto';
import { cpSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inject } from 'vitest';
import type { Driver } from '../../src/platform/db/driver.js';
import { onServer, withDatabase } from './template-databases.js';

/** A database of a test's own. */
export type TestDatabase = {
  /** The value for `DATABASE_URL`. */
  url: string;
  /** Opens one that is only lent: see `lendDatabase`. Of any other the URL is enough. */
  openDriver?(): Promise<Driver>;
  /** Removes it, or gives it back. Close what has it open first. */
  drop(): Promise<void>;
};

/**
 * A migrated, empty database that other processes can open too, and that is new: on the server that TEST_DATABASE_URL names, else embedded in a directory of its own.
 * About 0.1 s, and 0.3 s for opening an embedded one.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  return inject('templates').server === undefined ? createEmbeddedDatabase() : await createServerDatabase();
}

/** A migrated, empty embedded database, even if TEST_DATABASE_URL is set. */
export function createEmbeddedDatabase(): TestDatabase {
  const { embedded } = inject('templates');
  const directory = join(dirname(embedded), uniqueName());
  cpSync(embedded, directory, { recursive: true });
  return { url: `pglite:${directory}`, drop: async () => rmSync(directory, { recursive: true, force: true }) };
}

/**
 * A database on the server that TEST_DATABASE_URL names; only for `*.postgres.test.ts`.
 * @param template `migrated` or `empty`.
 */
export async function createServerDatabase(template: 'migrated' | 'empty' = 'migrated'): Promise<TestDatabase> {
  const { server } = inject('templates');
  if (server === undefined) throw new Error('This test needs TEST_DATABASE_URL.');
  const name = uniqueName();
  await onServer(server.url, `CREATE DATABASE ${name} TEMPLATE ${template === 'migrated' ? server.name : 'template0'}`);
  return {
    url: withDatabase(server.url, name),
    drop: async () => void (await onServer(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  };
}

function uniqueName(): string {
  return `gatelatch_test_${randomBytes(6).toString('hex')}`;
}
