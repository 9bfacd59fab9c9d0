import { readFileSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import { inject } from 'vitest';
import { driverOf } from '../../src/platform/db/embedded/embedded.js';
import { type AskDatabase, empty, shapeOf } from './emptied.js';
import { lendServerDatabase } from './lent-server-databases.js';
import type { TestDatabase } from './test-database.js';

/**
 * A migrated, empty database: on the server that TEST_DATABASE_URL names, else embedded in memory, for this process
 * alone. It takes some milliseconds, because it is one that another test gave back, and that is as it was.
 */
export async function lendDatabase(): Promise<TestDatabase> {
  const { server } = inject('templates');
  return server === undefined ? await lendEmbeddedDatabase() : await lendServerDatabase(server);
}

type Kept = { pglite: PGlite; ask: AskDatabase; shape: string };

// Making one costs more than most files of tests, so those that were given back wait here.
const waiting: Kept[] = [];

async function lendEmbeddedDatabase(): Promise<TestDatabase> {
  const kept = waiting.pop() ?? (await make());
  const leases: PGlite[] = [];
  return {
    url: 'pglite:memory',
    async openDriver() {
      const lease = leaseOf(kept.pglite);
      leases.push(lease);
      return await driverOf(lease);
    },
    async drop() {
      const left = leases.every(({ closed }) => closed) && !kept.pglite.closed;
      if (left && (await isAsBefore(kept).catch(() => false))) waiting.push(kept);
      else await kept.pglite.close();
    },
  };
}

async function make(): Promise<Kept> {
  const pglite = await PGlite.create({ loadDataDir: new Blob([readFileSync(inject('templates').snapshot)]) });
  const ask: AskDatabase = async (sql) => (await pglite.query<Record<string, unknown>>(sql)).rows;
  return { pglite, ask, shape: await shapeOf(ask) };
}

async function isAsBefore({ ask, shape }: Kept): Promise<boolean> {
  await ask('ROLLBACK');
  await ask('DISCARD ALL');
  if ((await shapeOf(ask)) !== shape) return false;
  await empty(ask);
  return true;
}

/** The same database, which is closed for whoever has this once they have closed it. */
function leaseOf(pglite: PGlite): PGlite {
  let closed = false;
  const close = async () => {
    closed = true;
  };
  return new Proxy(pglite, {
    get(target, name) {
      if (name === 'closed') return closed;
      if (name === 'close') return close;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...values: unknown[]) => {
        if (closed) throw new Error('PGlite is closed');
        return value.apply(target, values);
      };
    },
  });
}
