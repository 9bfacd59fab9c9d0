import { availableParallelism, totalmem } from 'node:os';
import type { Logger } from 'pino';
import { authSecret } from './auth-secret.js';
import type { Config } from './config.js';
import { type Database, type DatabaseOptions, type Db, openDatabase } from './db/database.js';
import { isDatabaseUnavailable } from './db/errors.js';
import { migrate } from './db/migrate.js';
import { type Feed, startFeed } from './domain/feed.js';
import { createHashGate, hashConcurrency } from './domain/hash-gate.js';
import { ensureKeys } from './domain/key-rotation.js';
import { createPasswords, type HashCost, type Passwords } from './domain/passwords.js';
import { createRevocations, type Revocations } from './domain/revocations.js';
import { createSecretBox, type SecretBox } from './domain/secret-box.js';
import { loadSigningKeys, type SigningKeys } from './domain/signing-keys.js';
import { StartError } from './errors.js';
import { createReadiness, type Readiness } from './readiness.js';

/** What stands on the settings and the database alone: enough for the operator's commands. */
export type Ground = {
  config: Config;
  log: Logger;
  database: Database;
  /** The database's client. */
  db: Db;
  passwords: Passwords;
  box: SecretBox;
  revocations: Revocations;
  /** Stops hearing, where it hears, and lets go of the database. */
  close(): Promise<void>;
};

/** Everything that a request may need, made once at start. */
export type Deps = Ground & { keys: SigningKeys; feed: Feed; readiness: Readiness };

/**
 * Opens the database, brings its tables up to date, and makes what stands on it.
 * @throws StartError, or another error with a one-line message, where that can't be done; nothing stays open then
 */
export async function createDeps(config: Config, log: Logger, options?: DatabaseOptions): Promise<Deps> {
  const ground = await openGround(config, log, options);
  const { database, db, box, revocations } = ground;
  try {
    await ensureKeys({ db, box, config });
    const keys = await loadSigningKeys(db, box, log);
    const feed = await startFeed(database, config.revocationFeed, { revocations, reloadKeys: keys.reload }, log);
    return {
      ...ground,
      keys,
      feed,
      readiness: createReadiness(database.ping),
      async close() {
        await feed.stop();
        await ground.close();
      },
    };
  } catch (error) {
    await ground.close();
    throw error;
  }
}

/**
 * The same without keys and feed. It makes no key and opens none, so that neither another `JWT_ALGORITHM` in the
 * operator's environment changes what signs, nor a key that does not open hinders revoking it.
 * @throws as {@link createDeps}
 */
export async function openGround(config: Config, log: Logger, options?: DatabaseOptions): Promise<Ground> {
  const secret = await authSecret(config);
  const database = await openDatabase(config.database, options).catch(startError);
  try {
    const { applied } = await migrate(database).catch(startError);
    if (applied.length > 0) log.info({ migrations: applied }, 'migrations applied');
    const db = database.client;
    return {
      config,
      log,
      database,
      db,
      passwords: createPasswords({ cost: config.passwords.cost, gate: hashGateFor(config.passwords.cost) }),
      box: createSecretBox([secret, ...(config.authSecretPrevious ? [config.authSecretPrevious] : [])]),
      revocations: createRevocations(db),
      close: database.close,
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Whoever starts the server reads one line; what lies behind it is the error's cause. */
function startError(error: unknown): never {
  const [line] = (error instanceof Error ? error.message : String(error)).trim().split('\n').slice(-1);
  throw new StartError(
    isDatabaseUnavailable(error) ? `DATABASE_URL: the database cannot be used: ${line}` : `${line}`,
    {
      cause: error,
    },
  );
}

// Waiting longer than this for a hash helps nobody: the client has given up, and its retry waits as well.
const hashDeadlineMs = 5_000;

function hashGateFor(cost: HashCost) {
  const concurrency = hashConcurrency({
    cores: availableParallelism(),
    memoryBytes: Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem()),
    memoryPerHashBytes: cost.memoryKiB * 1024,
  });
  return createHashGate({ concurrency, queueLimit: 300, deadlineMs: hashDeadlineMs });
}
