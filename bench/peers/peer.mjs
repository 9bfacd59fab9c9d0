import { once } from 'node:events';
import { openDatabase } from '../../dist/platform/db/database.js';
import { migrate } from '../../dist/platform/db/migrations/migrate.js';

/** Listens on a free loopback port and tells the bench which; `facts` go with it. */
export async function announce(server, facts = {}) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.send({ port: server.address().port, ...facts });
}

/** The same kind of database, with the same tables, pool and time limits as Gatelatch's own. */
export async function openSameDatabase() {
  const database = await openDatabase({ url: process.env.DATABASE_URL, poolSize: 10 });
  await migrate(database);
  return database.client;
}

// Who started it has gone, so nobody will stop it.
process.on('disconnect', () => process.exit());
