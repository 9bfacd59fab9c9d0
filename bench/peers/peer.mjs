import { once } from 'node:events';
import { openDatabase } from '../../dist/platform/db/database.js';
import { migrate } from '../../dist/platform/db/migrations/migrate.js';

/** Listens on a free loopback port and reports it to the bench, with `facts`. */
export async function announce(server, facts = {}) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send({ port: server.address().port, ...facts });
}

/** The same kind of database, with Gatelatch's own tables, pool and time limits. */
export async function openSameDatabase() {
  const database = await openDatabase({ url: process.env.DATABASE_URL, poolSize: 10 });
  await migrate(database);
  return database.client;
}

// The bench is gone, so nothing else will stop this process.
process.on('disconnect', () => process.exit());
