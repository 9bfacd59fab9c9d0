import { PrismaPg } from '@prisma/adapter-pg';
import type { SqlDriverAdapter, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import pg from 'pg';
import type { Driver } from './driver.js';
import { listenOnServer } from './listen.js';
import { withScriptRunner } from './script-runner.js';
import { TIME_LIMITS } from './time-limits.js';

/** The key that `prisma migrate deploy` locks too: so it and the instances wait for each other. */
const MIGRATION_LOCK = 72707369;

/**
 * A Postgres server. Nothing connects until the first query, so a server that is away doesn't hinder this.
 *
 * @param url as `pg` takes it; what its query says (`sslmode`, `application_name`, time limits) wins.
 * @param poolSize how many connections there may be beside those that listen.
 */
export function openServer(url: string, poolSize: number): Driver {
  const connection = connectionConfig(url);
  const pool = new pg.Pool({ ...connection, max: poolSize, onConnect: useUtc });
  // Without a listener, an idle connection that breaks would end the process. The pool has dropped it already.
  pool.on('error', () => undefined);
  pool.on('release', endUnlessIdle);
  return {
    kind: 'server',
    adapters: new PrismaPg(pool),
    listen: listenOnServer(connection),
    withMigrationLock: (work) => withMigrationLock(connection, work),
    runSql: (text, values) => pool.query(text, values),
    pool: () => ({
      total: pool.totalCount,
      idle: pool.idleCount,
      most: poolSize,
      waiting: pool.waitingCount,
    }),
    close: async () => await pool.end(),
    hold: undefined,
  };
}

function connectionConfig(url: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: 'gatelatch',
    connectionTimeoutMillis: TIME_LIMITS.connect,
    query_timeout: TIME_LIMITS.query,
    statement_timeout: TIME_LIMITS.statement,
    lock_timeout: TIME_LIMITS.lock,
    idle_in_transaction_session_timeout: TIME_LIMITS.idleTransaction,
  };
}

// The adapter writes times without an offset and strips it when it reads: only UTC keeps them true. As a statement,
// because it has the last word over role, database and URL, and poolers in transaction mode keep track of it.
async function useUtc(client: pg.ClientBase): Promise<void> {
  await client.query("SET TIME ZONE 'UTC'");
}

// Where ROLLBACK or COMMIT ran out of time, the adapter still gives the connection back, with the transaction open:
// the next request's writes would be part of it, and be lost. The pool drops a client that is ending.
function endUnlessIdle(_error: Error, client: pg.PoolClient): void {
  if (client.getTransactionStatus() !== 'I') void client.end().catch(() => undefined);
}

async function withMigrationLock<T>(
  connection: pg.ClientConfig,
  work: (adapters: SqlMigrationAwareDriverAdapterFactory) => Promise<T>,
): Promise<T> {
  // One connection that is never idle for too long: the lock belongs to it, and whatever runs, runs under the lock.
  const pool = new pg.Pool({
    ...connection,
    query_timeout: undefined,
    max: 1,
    idleTimeoutMillis: 0,
    keepAlive: true,
    onConnect: lockForMigrations,
  });
  pool.on('error', () => undefined);
  try {
    return await work(withScriptRunner(new PrismaPg(pool), runScript));
  } finally {
    await pool.end();
  }
}

// Another instance's migrations and ours may take minutes: no time limit of the role, database or URL holds here.
async function lockForMigrations(client: pg.ClientBase): Promise<void> {
  await client.query('SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0');
  await useUtc(client);
  await client.query(`SELECT pg_advisory_lock(${MIGRATION_LOCK})`);
}

// Without arguments this is Postgres' simple protocol: many statements, one implicit transaction.
async function runScript(adapter: SqlDriverAdapter, script: string): Promise<void> {
  await adapter.executeRaw({ sql: script, args: [], argTypes: [] });
}
