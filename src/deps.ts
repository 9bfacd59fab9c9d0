import type { KeyObject } from 'node:crypto';
import type { Logger } from 'pino';
import { ensureFirstAdmin } from './admin/first-admin.js';
import { createKeyChecks, type KeyChecks } from './api-keys/checks.js';
import type { Config } from './config.js';
import { StartError } from './errors.js';
import { createReadiness, type Readiness } from './health/readiness.js';
import type { Hooks } from './hooks/hooks.js';
import { createHooks, type RunHooks } from './hooks/run.js';
import { authSecret } from './keys/auth-secret.js';
import { ensureKeys } from './keys/rotation.js';
import { createSecretBox, type SecretBox } from './keys/secret-box.js';
import { loadSigningKeys, type SigningKeys } from './keys/signing-keys.js';
import { createLimits, type Limits } from './limits.js';
import { createExportTurns, type ExportTurns } from './me/export-turns.js';
import { ownClaims } from './own/claims.js';
import { ownHooks } from './own/hooks.js';
import { type HashCapacity, hashCapacity } from './passwords/hash-capacity.js';
import { createPasswords, type Passwords } from './passwords/hasher.js';
import { checkPermissions, roles } from './permissions/permissions.js';
import { type Database, type DatabaseOptions, type Db, openDatabase } from './platform/db/database.js';
import { requireUtf8 } from './platform/db/encoding.js';
import { isDatabaseUnavailable } from './platform/db/errors.js';
import { migrate } from './platform/db/migrations/migrate.js';
import { postgresStore, redisStore } from './platform/limits/counters.js';
import { outboxVitals } from './platform/outbox/queue.js';
import { createGate, type Gate } from './platform/process/gate.js';
import { ownVersion } from './platform/process/version.js';
import { createWake, type Wake } from './platform/queue/wake.js';
import { createMetrics, type Metrics } from './platform/telemetry/metrics.js';
import { openTracing } from './platform/telemetry/open-tracing.js';
import { tracedGate } from './platform/telemetry/traced.js';
import type { Tracing } from './platform/telemetry/tracing.js';
import { createRevocationList, type RevocationList } from './revocation-list/list.js';
import { createStreams, type Streams } from './revocation-list/streams.js';
import { type InstanceSync, startInstanceSync } from './sessions/instance-sync.js';
import { checkedOwnClaims, type MakeOwnClaims, tryOwnClaims } from './sessions/own-claims.js';
import { createRevocations, type Revocations } from './sessions/revocations.js';
import type { SessionsDeps } from './sessions/start.js';
import { checkTokenSize } from './sessions/token-size.js';
import { webhookVitals } from './webhooks/vitals.js';
import { createWebhookWake, type WebhookWake } from './webhooks/wake.js';

/** What needs only the settings and the database: enough for the operator's commands. */
type CoreDeps = {
  config: Config;
  log: Logger;
  database: Database;
  db: Db;
  passwords: Passwords;
  box: SecretBox;
  revocations: Revocations;
  /** Wake it after a commit that wrote to the outbox. */
  outboxWake: Wake;
  webhookWake: WebhookWake;
  /** The signing keys, from the database or from memory. @throws StartError if `AUTH_SECRET` does not open them */
  loadKeys(): Promise<SigningKeys>;
  close(): Promise<void>;
};

/** Everything that a request may need, created once at start. */
export type Deps = CoreDeps & {
  keys: SigningKeys;
  auditKey(): KeyObject;
  instanceSync: InstanceSync;
  ownClaims: SessionsDeps['ownClaims'];
  hooks: RunHooks;
  readiness: Readiness;
  limits: Limits | undefined;
  exportTurns: ExportTurns;
  apiKeys: KeyChecks;
  revocationList: RevocationList;
  revocationStreams: Streams;
  metrics: Metrics;
  /** Undefined unless OpenTelemetry's variables say where to send traces. */
  tracing: Tracing | undefined;
};

/** What commands work with; a separate process keeps no keys in memory. */
export type CommandDeps = CoreDeps & { keys?: SigningKeys };

/** The code of src/own that requests call, where a test gives other. */
export type OwnCode = { claims: MakeOwnClaims; hooks: Hooks };

type CoreOptions = DatabaseOptions & {
  observeGate?: (gate: Gate, capacity: HashCapacity) => Gate;
};

/** @throws StartError, or another error with a one-line message; nothing stays open then */
export async function createDeps(
  config: Config,
  log: Logger,
  { own, ...options }: DatabaseOptions & { own?: Partial<OwnCode> | undefined } = {},
): Promise<Deps> {
  const claims = own?.claims ?? ownClaims;
  tryOwnClaims(
    claims,
    roles.map(({ name }) => name),
  );
  const metrics = createMetrics(ownVersion());
  const tracing = await openTracing(config.tracing, ownVersion(), log);
  const core = await openCore(config, log, {
    ...options,
    aroundStatement: tracing?.statement,
    observeGate: (gate, capacity) => metrics.hashes.observing(tracing ? tracedGate(gate, tracing) : gate, capacity),
  });
  const { database, db, box, revocations } = core;
  try {
    await ensureKeys({ db, box, config });
    await ensureFirstAdmin(core);
    const keys = await loadSigningKeys(db, box, log);
    checkTokenSize(keys, config.tokens);
    const instanceSync = await startInstanceSync(
      database,
      config.revocationFeed,
      { revocations, reloadKeys: keys.reload },
      log,
    );
    const { limits, closeLimits } = await openLimits(config.limits, core);
    const made = {
      ownClaims: checkedOwnClaims(claims),
      hooks: createHooks(own?.hooks ?? ownHooks, { db, config, log }),
    };
    const apiKeys = createKeyChecks({ db, config, revocations, instanceSync, metrics, ownClaims: made.ownClaims });
    const revocationList = createRevocationList({ config, keys, revocations, instanceSync });
    const revocationStreams = createStreams(revocationList, config.revocationStreams);
    metrics.watch({
      pool: database.pool,
      revocations,
      sync: instanceSync,
      revocationList,
      revocationStreams,
      outbox: () => outboxVitals({ db }),
      webhooks: () => webhookVitals({ db }),
    });
    return {
      ...core,
      ...made,
      keys,
      apiKeys,
      revocationList,
      revocationStreams,
      loadKeys: async () => keys,
      auditKey: () => keys.active('audit').privateKey,
      limits,
      exportTurns: createExportTurns(),
      instanceSync,
      metrics,
      tracing,
      readiness: createReadiness(database.ping),
      async close() {
        await apiKeys.uses.write().catch(() => undefined);
        await instanceSync.stop();
        closeLimits();
        await core.close();
        await tracing?.stop();
      },
    };
  } catch (error) {
    await core.close();
    throw error;
  }
}

/**
 * The same without keys and without listening to other instances. It makes no keys: the operator's `JWT_ALGORITHM` must
 * not change the signing key. It opens none: a key that does not open can still be revoked.
 * @throws as {@link createDeps}
 */
export async function openCore(config: Config, log: Logger, options: CoreOptions = {}): Promise<CoreDeps> {
  checkPermissions();
  const secret = await authSecret(config);
  const database = await openDatabase(config.database, options).catch(startError);
  try {
    await requireUtf8(database).catch(startError);
    const { applied } = await migrate(database).catch(startError);
    if (applied.length > 0) log.info({ migrations: applied }, 'migrations applied');
    const db = database.client;
    const box = createSecretBox([secret, ...(config.authSecretPrevious ? [config.authSecretPrevious] : [])]);
    return {
      config,
      log,
      database,
      db,
      passwords: openPasswords(config, log, options),
      box,
      revocations: createRevocations(db),
      outboxWake: createWake(),
      webhookWake: createWebhookWake(),
      loadKeys: () => loadSigningKeys(db, box, log),
      close: database.close,
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** A counting store that is down does not prevent the start. */
async function openLimits({ on, redisUrl, rates }: Config['limits'], { config, database, log }: CoreDeps) {
  if (!on && config.production) log.warn('RATE_LIMIT is off: passwords can be guessed as fast as they can be hashed');
  if (!on) return { limits: undefined, closeLimits: () => undefined };
  // Loaded only where it is used.
  const redis = redisUrl === undefined ? undefined : await (await import('./platform/db/redis.js')).openRedis(redisUrl);
  const err = redis?.trouble();
  if (err)
    log.warn({ err }, 'the store of the rate limits is not there yet: until then each instance counts for itself');
  const store = redis ? redisStore(redis) : database.runSql && postgresStore(database.runSql);
  return { limits: createLimits(rates, store, log), closeLimits: () => redis?.client.disconnect() };
}

// What Node says of a file: the certificate of `sslrootcert`, or the directory of an embedded database.
const isAboutFile = /^E[A-Z]+: .*, \w+ '/;

/** The operator reads one line; the whole error is its cause. */
function startError(error: unknown): never {
  const [line] = (error instanceof Error ? error.message : String(error)).trim().split('\n').slice(-1);
  throw new StartError(
    isDatabaseUnavailable(error) || isAboutFile.test(`${line}`)
      ? `DATABASE_URL: the database cannot be used: ${line}`
      : `${line}`,
    {
      cause: error,
    },
  );
}

// A client hears within 3 s, also if a busy machine is late.
const hashDeadlineMs = 2_500;

function openPasswords(config: Config, log: Logger, { observeGate = (gate) => gate }: CoreOptions): Passwords {
  const capacity = hashCapacity(config, log);
  const gate = observeGate(createGate({ ...capacity, deadlineMs: hashDeadlineMs }), capacity);
  return createPasswords({ ...config.passwords, gate, ceiling: capacity.ceiling });
}
