import { type Prisma, PrismaClient } from '../../generated/prisma/client.js';
import { type AroundStatement, aroundStatements } from './around-statements.js';
import { createDirect, type Direct } from './direct.js';
import type { Driver } from './driver.js';
import type { DirectoryLock } from './embedded/directory-lock.js';
import type { Listen } from './listen.js';
import { openServer } from './server.js';
import { TIME_LIMITS, withinTimeLimit } from './time-limits.js';

type DatabaseSettings = {
  url: string;
  /** The most connections to a server. An embedded database has one. */
  poolSize: number;
};

export type DatabaseOptions = {
  /** Called with the text of each SQL statement of the client, BEGIN and COMMIT too. */
  onStatement?: (sql: string) => void;
  aroundStatement?: AroundStatement | undefined;
  /** One that is open already, in place of what the URL names. `close` closes it as it would one of its own. */
  driver?: Driver | undefined;
};

export type Db = PrismaClient & { direct: Direct };

/** The client inside `db.$transaction(async (tx) => …)`. A function that works in both takes `Db | Transaction`. */
export type Transaction = Prisma.TransactionClient;

export type Database = {
  client: Db;
  /** `embedded`: only for this process. `server`: several instances may share it. */
  kind: Driver['kind'];
  /** A cheap query. @throws within `TIME_LIMITS.ping` ms if the database does not answer. */
  ping(): Promise<void>;
  listen: Listen;
  runSql: Driver['runSql'];
  pool: Driver['pool'];
  /** One connection without time limits, for work that takes minutes. */
  withSession: Driver['withSession'];
  withMigrationLock: Driver['withMigrationLock'];
  lock: DirectoryLock | undefined;
  /** Closes the connections when their queries are done, and releases an embedded directory. */
  close(): Promise<void>;
};

/**
 * Opens the database in UTC. Creates a missing embedded directory and locks it. A server is only contacted by the first
 * query, which throws if it is down.
 * @throws one line that names the process that has the directory
 */
export async function openDatabase(settings: DatabaseSettings, options: DatabaseOptions = {}): Promise<Database> {
  const opened = options.driver ?? (await openDriver(settings));
  const driver = options.aroundStatement ? aroundStatements(opened, options.aroundStatement) : opened;
  const client = createClient(driver, options);
  return {
    client,
    kind: driver.kind,
    ping: async () => void (await withinTimeLimit(TIME_LIMITS.ping, client.$queryRaw`SELECT 1`)),
    listen: driver.listen,
    runSql: driver.runSql,
    pool: driver.pool,
    withSession: driver.withSession,
    withMigrationLock: driver.withMigrationLock,
    lock: driver.lock,
    close: async () => {
      await client.$disconnect();
      await driver.close();
    },
  };
}

async function openDriver({ url, poolSize }: DatabaseSettings): Promise<Driver> {
  if (/^postgres(ql)?:\/\//.test(url)) return openServer(url, poolSize);
  const [, location] = /^pglite:(.+)$/.exec(url) ?? [];
  if (location === undefined) throw new Error('The database URL begins with neither pglite: nor postgresql://.');
  // PGlite is many megabytes: load it only if it is used.
  const { openInDirectory, openInMemory } = await import('./embedded/embedded.js');
  return location === 'memory' ? await openInMemory() : await openInDirectory(location);
}

function createClient(driver: Driver, { onStatement }: DatabaseOptions): Db {
  const common = {
    adapter: driver.adapters,
    transactionOptions: { maxWait: TIME_LIMITS.transactionStart, timeout: TIME_LIMITS.transaction },
  };
  const direct = createDirect(driver.runDirect, onStatement);
  if (onStatement === undefined) return Object.assign(new PrismaClient({ ...common }), { direct });
  const client = new PrismaClient({ ...common, log: [{ emit: 'event', level: 'query' }] });
  client.$on('query', (event) => onStatement(event.query));
  return Object.assign(client as PrismaClient, { direct });
}
