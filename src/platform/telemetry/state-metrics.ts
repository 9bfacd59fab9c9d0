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
};

const outboxKeptMs = 5_000;
const noPool = () => ({ total: 0, idle: 0, waiting: 0, max: 0 });

export function describeState(registry: Registry, sources: StateSources): void {
  const { pool, revocations, sync, outbox } = sources;
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
  let askedAt = Number.NEGATIVE_INFINITY;
  let answer: ReturnType<StateSources['outbox']>;
  new Gauge({
    name: 'gatelatch_outbox_mails',
    help: 'Mails in the outbox: waiting, or dead (given up). Missing while the database is down.',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      if (performance.now() - askedAt >= outboxKeptMs) {
        askedAt = performance.now();
        answer = read();
      }
      const mails = await answer.catch(() => undefined);
      this.reset();
      if (!mails) return;
      this.set({ state: 'waiting' }, mails.waiting);
      this.set({ state: 'dead' }, mails.failed);
    },
  });
}
