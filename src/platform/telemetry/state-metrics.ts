import { Gauge, type Registry } from 'prom-client';
import { gaugeOf } from './gauge.js';

export type StateSources = {
  /** Undefined for an embedded database. */
  pool: (() => { total: number; idle: number; waiting: number; max: number }) | undefined;
  revocations: { size(): number; isComplete(): boolean };
  sync: { lag(): number; isFresh(): boolean };
  /** What other services hear of them, unless that room is left out. */
  revocationList?: { size(): number };
  revocationStreams?: { size(): number };
  /** Asks the database: at most every 5 s, however often metrics are scraped. */
  outbox(): Promise<{ waiting: number; failed: number }>;
  /** The same of webhooks. */
  webhooks?(): Promise<{ waiting: number; oldestSeconds: number }>;
};

const keptMs = 5_000;
const noPool = () => ({ total: 0, idle: 0, waiting: 0, max: 0 });

export function describeState(registry: Registry, sources: StateSources): void {
  const { pool, revocations, sync, outbox, webhooks } = sources;
  const gauge = (name: string, help: string, read: () => number) => gaugeOf(registry, name, help, read);
  gauge('gatelatch_revocations', 'Revocations in memory, each until its tokens have expired.', () =>
    revocations.size(),
  );
  gauge(
    'gatelatch_revocations_complete',
    '1 while memory has all revocations; at 0 the database is asked for each request.',
    () => Number(revocations.isComplete()),
  );
  gauge('gatelatch_feed_lag_seconds', 'How old the knowledge about other instances may be.', () => sync.lag() / 1000);
  gauge('gatelatch_feed_fresh', '1 while it is fresh enough; at 0 the database is asked for each request.', () =>
    Number(sync.isFresh()),
  );
  describeOutbox(registry, outbox);
  if (webhooks) describeWebhooks(registry, webhooks);
  describePool(registry, pool ?? noPool);
  describeList(registry, sources);
}

function describeList(registry: Registry, { revocationList: list, revocationStreams: streams }: StateSources): void {
  if (!list || !streams) return;
  const help = 'Entries of the list for other services; past 50000 there is none.';
  gaugeOf(registry, 'gatelatch_revocation_list_entries', help, () => list.size());
  gaugeOf(registry, 'gatelatch_revocation_streams', 'Services that hear of endings at once.', () => streams.size());
}

function describePool(registry: Registry, pool: NonNullable<StateSources['pool']>): void {
  new Gauge({
    name: 'gatelatch_database_connections',
    help: 'Connections of the pool, busy or idle; none with an embedded database.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const { total, idle } = pool();
      this.set({ state: 'busy' }, total - idle);
      this.set({ state: 'idle' }, idle);
    },
  });
  gaugeOf(registry, 'gatelatch_database_connections_max', 'How many there may be.', () => pool().max);
  gaugeOf(registry, 'gatelatch_database_waiting', 'Queries that wait for a connection.', () => pool().waiting);
}

function describeOutbox(registry: Registry, read: StateSources['outbox']): void {
  const vitals = keptFor(keptMs, read);
  new Gauge({
    name: 'gatelatch_outbox_mails',
    help: 'Mails in the outbox: waiting, or dead (given up). Missing while the database is down.',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const mails = await vitals().catch(() => undefined);
      this.reset();
      if (!mails) return;
      this.set({ state: 'waiting' }, mails.waiting);
      this.set({ state: 'dead' }, mails.failed);
    },
  });
}

function describeWebhooks(registry: Registry, read: NonNullable<StateSources['webhooks']>): void {
  const vitals = keptFor(keptMs, read);
  const gauge = (name: string, help: string, of: 'waiting' | 'oldestSeconds') =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        const found = await vitals().catch(() => undefined);
        // Without labels, a gauge that was reset says 0, which would be a lie.
        this.set(found?.[of] ?? Number.NaN);
      },
    });
  gauge(
    'gatelatch_webhook_waiting',
    'Deliveries to enabled webhooks that wait. NaN while the database is down.',
    'waiting',
  );
  gauge('gatelatch_webhook_oldest_seconds', 'For how long the oldest of them has waited.', 'oldestSeconds');
}

/** Reads at most once in that time, however often it is asked. */
function keptFor<T>(ms: number, read: () => Promise<T>): () => Promise<T> {
  let askedAt = Number.NEGATIVE_INFINITY;
  let answer: Promise<T>;
  return () => {
    if (performance.now() - askedAt >= ms) {
      askedAt = performance.now();
      answer = read();
    }
    return answer;
  };
}
