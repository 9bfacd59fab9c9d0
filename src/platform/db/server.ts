import { PrismaPg } from '@prisma/adapter-pg';
import type { SqlDriverAdapter, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import pg from 'pg';
import { withNames } from './direct.js';
import type { Driver, RunSql } from './driver.js';
import { listenOnServer } from './listen.js';
import { locks } from './locks.js';
import { withScriptRunner } from './migrations/script-runner.js';
import { ServerPool } from './server-pool.js';
import { TIME_LIMITS } from './time-limits.js';

/**
 * Connects with the first query, so a server that is down does not matter here.
 * @param url its query parameters (`sslmode`, time limits) win
 * @param poolSize the most connections besides listeners
 */
export function openServer(url: string, poolSize: number): Driver {
  const connection = connectionConfig(url);
  const pool = new ServerPool({ ...connection, max: poolSize, onConnect: useUtc });
  return {
    kind: 'server',
    adapters: new PrismaPg(pool),
    listen: listenOnServer(connection),
    withMigrationLock: (work) => withMigrationLock(connection, work),
    withSession: (work) => withSession(connection, work),
    runDirect: withNames(async (statement) => (await pool.query({ ...statement, types })).rows),
    runSql: (text, values) => pool.query(text, values),
    pool: () => ({
      total: pool.totalCount,
      idle: pool.idleCount,
      max: poolSize,
      waiting: pool.waitingCount,
    }),
    close: async () => void (pool.ending || (await pool.end())),
    lock: undefined,
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

const int8 = pg.types.builtins.INT8;
const types = {
  getTypeParser: ((oid: number, format: 'text') =>
    oid === int8 ? BigInt : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

// The adapter writes times without an offset and strips it when it reads: only UTC keeps them correct. A SET statement
// wins over role, database and URL, and poolers in transaction mode track it.
async function useUtc(client: pg.ClientBase): Promise<void> {
  await client.query("SET TIME ZONE 'UTC'");
}

async function withSession<T>(connection: pg.ClientConfig, work: (runSql: RunSql) => Promise<T>): Promise<T> {
  const client = new pg.Client({ ...connection, query_timeout: undefined, keepAlive: true });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await liftTimeLimits(client);
    await useUtc(client);
    return await work((text, values) => client.query(text, values));
  } finally {
    await client.end();
  }
}

// Also those of the role, the database and the URL.
async function liftTimeLimits(client: pg.ClientBase): Promise<void> {
  await client.query('SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0');
}

async function withMigrationLock<T>(
  connection: pg.ClientConfig,
  work: (adapters: SqlMigrationAwareDriverAdapterFactory) => Promise<T>,
): Promise<T> {
  // One connection that never times out: the lock belongs to it, and all work runs on it.
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

// Migrations, ours or another instance's, may take minutes.
async function lockForMigrations(client: pg.ClientBase): Promise<void> {
  await liftTimeLimits(client);
  await useUtc(client);
  await client.query(`SELECT pg_advisory_lock(${locks.migrations})`);
}

// Without arguments, pg uses the simple protocol: many statements, one implicit transaction.
async function runScript(adapter: SqlDriverAdapter, script: string): Promise<void> {
  await adapter.executeRaw({ sql: script, args: [], argTypes: [] });
}
