import type { Logger } from 'pino';
import { ensureFirstAdmin } from './admin/first-admin.js';
import type { Config } from './config.js';
import { StartError } from './errors.js';
import { createReadiness, type Readiness } from './health/readiness.js';
import { authSecret } from './keys/auth-secret.js';
import { ensureKeys } from './keys/rotation.js';
import { createSecretBox, type SecretBox } from './keys/secret-box.js';
import { loadSigningKeys, type SigningKeys } from './keys/signing-keys.js';
import { createLimits, type Limits } from './limits.js';
import { type HashCapacity, hashCapacity } from './passwords/hash-capacity.js';
import { createPasswords, type Passwords } from './passwords/hasher.js';
import { type Database, type DatabaseOptions, type Db, openDatabase } from './platform/db/database.js';
import { isDatabaseUnavailable } from './platform/db/errors.js';
import { migrate } from './platform/db/migrations/migrate.js';
import { openRedis } from './platform/db/redis.js';
import { postgresStore, redisStore } from './platform/limits/counters.js';
import { outboxVitals } from './platform/outbox/queue.js';
import { createMailBell, type MailBell } from './platform/outbox/wake.js';
import { createHashGate, type HashGate } from './platform/process/gate.js';
import { ownVersion } from './platform/process/version.js';
import { createMetrics, type Metrics } from './platform/telemetry/metrics.js';
import { openTracing } from './platform/telemetry/open-tracing.js';
import { tracedGate } from './platform/telemetry/traced.js';
import type { Tracing } from './platform/telemetry/tracing.js';
import { type Feed, startFeed } from './sessions/instance-sync.js';
import { createRevocations, type Revocations } from './sessions/revocations.js';

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
  /** To be rung after a commit that wrote to the outbox. */
  mailBell: MailBell;
  /** Stops hearing, where it hears, and lets go of the database. */
  close(): Promise<void>;
};

/** Everything that a request may need, made once at start. */
export type Deps = Ground & {
  keys: SigningKeys;
  feed: Feed;
  readiness: Readiness;
  /** Undefined where `RATE_LIMIT` is off. */
  limits: Limits | undefined;
  metrics: Metrics;
  /** Undefined unless OpenTelemetry's variables say where traces go. */
  tracing: Tracing | undefined;
};

type GroundOptions = DatabaseOptions & {
  /** Gives the gate that the hashes pass instead. */
  observeGate?: (gate: HashGate, capacity: HashCapacity) => HashGate;
};

/**
 * Opens the database, brings its tables up to date, and makes what stands on it.
 * @throws StartError, or another error with a one-line message, where that can't be done; nothing stays open then
 */
export async function createDeps(config: Config, log: Logger, options?: DatabaseOptions): Promise<Deps> {
  const metrics = createMetrics(ownVersion());
  const tracing = await openTracing(config.tracing, ownVersion(), log);
  const ground = await openGround(config, log, {
    ...options,
    aroundStatement: tracing?.statement,
    observeGate: (gate, capacity) => metrics.hashes.observing(tracing ? tracedGate(gate, tracing) : gate, capacity),
  });
  const { database, db, box, revocations } = ground;
  try {
    await ensureKeys({ db, box, config });
    await ensureFirstAdmin(ground);
    const keys = await loadSigningKeys(db, box, log);
    const feed = await startFeed(database, config.revocationFeed, { revocations, reloadKeys: keys.reload }, log);
    const { limits, closeLimits } = await openLimits(config.limits, ground);
    metrics.watch({ pool: database.pool, revocations, feed, outbox: () => outboxVitals({ db }) });
    return {
      ...ground,
      keys,
      limits,
      feed,
      metrics,
      tracing,
      readiness: createReadiness(database.ping),
      async close() {
        await feed.stop();
        closeLimits();
        await ground.close();
        await tracing?.stop();
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
export async function openGround(config: Config, log: Logger, options: GroundOptions = {}): Promise<Ground> {
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
      passwords: createPasswords({ cost: config.passwords.cost, gate: openHashGate(config, log, options) }),
      box: createSecretBox([secret, ...(config.authSecretPrevious ? [config.authSecretPrevious] : [])]),
      revocations: createRevocations(db),
      mailBell: createMailBell(),
      close: database.close,
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** The limits, counted where the settings say. A store that is away is no reason not to start. */
async function openLimits({ on, redisUrl, rates }: Config['limits'], { config, database, log }: Ground) {
  if (!on && config.production) log.warn('RATE_LIMIT is off: passwords can be guessed as fast as they can be hashed');
  if (!on) return { limits: undefined, closeLimits: () => undefined };
  const redis = redisUrl === undefined ? undefined : await openRedis(redisUrl);
  const store = redis ? redisStore(redis) : database.runSql && postgresStore(database.runSql);
  return { limits: createLimits(rates, store, log), closeLimits: () => redis?.disconnect() };
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

function openHashGate(config: Config, log: Logger, { observeGate = (gate) => gate }: GroundOptions): HashGate {
  const capacity = hashCapacity(config, log);
  return observeGate(createHashGate({ ...capacity, deadlineMs: hashDeadlineMs }), capacity);
}
