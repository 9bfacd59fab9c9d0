import { PrismaPg } from '@prisma/adapter-pg';
import type { SqlDriverAdapter, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import pg from 'pg';
import { withNames } from './direct.js';
import type { Driver, RunSql } from './driver.js';
import { listenOnServer } from './listen.js';
import { locks } from './locks.js';
import { withScriptRunner } from './migrations/script-runner.js';
import { ServerPool } from './server-pool.js';
import { liftTimeLimits, type ServerAddress, serverAddress } from './session.js';
import { tryAgain, tryingAgain } from './try-again.js';

/**
 * Connects with the first query, so a server that is down does not matter here.
 * @param url its query parameters (`sslmode`, time limits) win
 * @param poolSize the most connections besides listeners
 */
export function openServer(url: string, poolSize: number): Driver {
  const address = serverAddress(url);
  const pool = new ServerPool({ ...address.config, max: poolSize, onConnect: address.prepare });
  return {
    kind: 'server',
    adapters: tryingAgain(inSchema(pool, address)),
    listen: listenOnServer(address),
    notify: (channel, payload) => pool.queryFirst(sendMessage, [channel, payload]),
    withMigrationLock: (work) => withMigrationLock(address, work),
    withSession: (work) => withSession(address, work),
    runDirect: withNames((statement) => tryAgain(async () => (await pool.query({ ...statement, types })).rows)),
    runSql: (text, values) => tryAgain(() => pool.query(text, values)),
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

/** The adapter, which is told the schema that the session has. */
function inSchema(pool: pg.Pool, address: ServerAddress): SqlMigrationAwareDriverAdapterFactory {
  const adapters = new PrismaPg(pool);
  return {
    provider: adapters.provider,
    adapterName: adapters.adapterName,
    connectToShadowDb: () => adapters.connectToShadowDb(),
    async connect() {
      const adapter = await adapters.connect();
      // The first connection finds it out.
      if (address.schema() === undefined) await adapter.queryRaw({ sql: 'SELECT 1', args: [], argTypes: [] });
      const schemaName = address.schema() ?? 'public';
      adapter.getConnectionInfo = () => ({ schemaName, supportsRelationJoins: true });
      return adapter;
    },
  };
}

// It is nothing to be kept: the commit need not wait for the disk.
const sendMessage = "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)";

const int8 = pg.types.builtins.INT8;
const types = {
  getTypeParser: ((oid: number, format: 'text') =>
    oid === int8 ? BigInt : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

async function withSession<T>(address: ServerAddress, work: (runSql: RunSql) => Promise<T>): Promise<T> {
  const client = new pg.Client({ ...address.config, query_timeout: undefined, keepAlive: true });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await address.prepare(client);
    await liftTimeLimits(client);
    return await work((text, values) => client.query(text, values));
  } finally {
    await client.end();
  }
}

async function withMigrationLock<T>(
  address: ServerAddress,
  work: (adapters: SqlMigrationAwareDriverAdapterFactory) => Promise<T>,
): Promise<T> {
  // One connection that never times out: the lock belongs to it, and all work runs on it.
  const pool = new pg.Pool({
    ...address.config,
    query_timeout: undefined,
    max: 1,
    idleTimeoutMillis: 0,
    keepAlive: true,
    onConnect: (client) => lockForMigrations(client, address),
  });
  pool.on('error', () => undefined);
  try {
    return await work(withScriptRunner(inSchema(pool, address), runScript));
  } finally {
    await pool.end();
  }
}

// Migrations, ours or another instance's, may take minutes.
async function lockForMigrations(client: pg.ClientBase, address: ServerAddress): Promise<void> {
  await address.prepare(client);
  await liftTimeLimits(client);
  await client.query(`SELECT pg_advisory_lock(${locks.migrations})`);
  if (address.namesSchema) await makeSchema(client, address.schema() ?? '');
}

// CREATE SCHEMA IF NOT EXISTS asks for the right to make one even if it exists.
async function makeSchema(client: pg.ClientBase, name: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [name]);
  if (rowCount === 0) await client.query(`CREATE SCHEMA ${pg.escapeIdentifier(name)}`);
}

// Without arguments, pg uses the simple protocol: many statements, one implicit transaction.
async function runScript(adapter: SqlDriverAdapter, script: string): Promise<void> {
  await adapter.executeRaw({ sql: script, args: [], argTypes: [] });
}
