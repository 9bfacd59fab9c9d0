import { availableParallelism, totalmem } from 'node:os';
import type { Logger } from 'pino';
import { authSecret } from './auth-secret.js';
import type { Config } from './config.js';
import { type DatabaseOptions, type Db, openDatabase } from './db/database.js';
import { isDatabaseUnavailable } from './db/errors.js';
import { migrate } from './db/migrate.js';
import { createHashGate, hashConcurrency } from './domain/hash-gate.js';
import { createPasswords, type HashCost, type Passwords } from './domain/passwords.js';
import { loadRevocations, type Revocations } from './domain/revocations.js';
import { createSecretBox } from './domain/secret-box.js';
import { loadSigningKeys, type SigningKeys } from './domain/signing-keys.js';
import { StartError } from './errors.js';
import { createReadiness, type Readiness } from './readiness.js';

/** Everything that a request may need, made once at start. */
export type Deps = {
  config: Config;
  log: Logger;
  db: Db;
  passwords: Passwords;
  keys: SigningKeys;
  revocations: Revocations;
  readiness: Readiness;
  /** Lets go of the database. */
  close(): Promise<void>;
};

/**
 * Opens the database, brings its tables up to date, and makes what stands on it.
 * @throws StartError, or another error with a one-line message, where that can't be done; nothing stays open then
 */
export async function createDeps(config: Config, log: Logger, options?: DatabaseOptions): Promise<Deps> {
  const secret = await authSecret(config);
  const database = await openDatabase(config.database, options).catch(startError);
  try {
    const { applied } = await migrate(database).catch(startError);
    if (applied.length > 0) log.info({ migrations: applied }, 'migrations applied');
    const db = database.client;
    const box = createSecretBox([secret, ...(config.authSecretPrevious ? [config.authSecretPrevious] : [])]);
    return {
      config,
      log,
      db,
      passwords: createPasswords({ cost: config.passwords.cost, gate: hashGateFor(config.passwords.cost) }),
      keys: await loadSigningKeys(db, box, config.tokens.algorithm),
      revocations: await loadRevocations(db),
      readiness: createReadiness(database.ping),
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
