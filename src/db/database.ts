import { type Prisma, PrismaClient } from '../generated/prisma/client.js';
import { type AroundStatement, aroundStatements } from './around-statements.js';
import type { DirectoryHold } from './directory-hold.js';
import type { Driver } from './driver.js';
import type { Listen } from './listen.js';
import { openServer } from './server.js';
import { TIME_LIMITS, withinTimeLimit } from './time-limits.js';

export type DatabaseSettings = {
  /** `pglite:<dir>`, `pglite:memory`, `postgresql://…` or `postgres://…`. */
  url: string;
  /** How many connections the pool to a server may hold. An embedded database has one. */
  poolSize: number;
};

export type DatabaseOptions = {
  /** Called with the text of each SQL statement that the client sends, BEGIN and COMMIT too. */
  onStatement?: (sql: string) => void;
  /** Runs each statement, BEGIN and COMMIT not among them. */
  aroundStatement?: AroundStatement | undefined;
  /** One that is open already, in place of what the URL names. `close` closes it as it would one of its own. */
  driver?: Driver | undefined;
};

/** The client that the domain works with. */
export type Db = PrismaClient;

/** The client inside `db.$transaction(async (tx) => …)`. A function that runs either way takes this. */
export type Transaction = Prisma.TransactionClient;

export type Database = {
  client: Db;
  /** `embedded`: in this process, for it alone. `server`: several instances may share it. */
  kind: Driver['kind'];
  /** One cheap query. @throws within `TIME_LIMITS.ping` ms where the database doesn't answer. */
  ping(): Promise<void>;
  /** Hears a channel on a connection of its own. */
  listen: Listen;
  /** For those who bring statements of their own; undefined for an embedded database. */
  runSql: Driver['runSql'];
  /** How the pool of connections stands; undefined for an embedded database. */
  pool: Driver['pool'];
  /** One connection without time limits, for work of minutes such as a copy. */
  withSession: Driver['withSession'];
  /** For `migrate`. */
  withMigrationLock: Driver['withMigrationLock'];
  /** The embedded directory, on which other processes can talk to this one; undefined in memory and for a server. */
  hold: DirectoryHold | undefined;
  /** Ends the connections once their queries are done, and lets go of an embedded directory. */
  close(): Promise<void>;
};

/**
 * Opens the database that the settings name. On every connection the time zone is UTC.
 *
 * An embedded directory is made where it is missing, and held: @throws one line naming the holder where another
 * process has it. A server is first spoken to by the first query, so one that is away throws there.
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
    hold: driver.hold,
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
  // PGlite is many megabytes, which whoever has a server shall not load.
  const { openInDirectory, openInMemory } = await import('./embedded.js');
  return location === 'memory' ? await openInMemory() : await openInDirectory(location);
}

function createClient(driver: Driver, { onStatement }: DatabaseOptions): Db {
  const common = {
    adapter: driver.adapters,
    transactionOptions: { maxWait: TIME_LIMITS.transactionStart, timeout: TIME_LIMITS.transaction },
  };
  if (onStatement === undefined) return new PrismaClient({ ...common });
  const client = new PrismaClient({ ...common, log: [{ emit: 'event', level: 'query' }] });
  client.$on('query', (event) => onStatement(event.query));
  return client as Db;
}
