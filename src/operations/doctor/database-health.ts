import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Db } from '../../platform/db/database.js';
import { sqlState } from '../../platform/db/errors.js';
import { MIGRATIONS_FOLDER, readMigrations } from '../../platform/db/migrations/folder.js';

export type DatabaseVitals = {
  version: string;
  latencyMs: number;
  /** How far the database's clock is ahead of this machine's; negative if it is behind. */
  clockAheadMs: number;
};

/** Asks five times and takes the quickest answer, which gives the best clock difference. */
export async function vitalsOf({ client }: Database): Promise<DatabaseVitals> {
  const samples: DatabaseVitals[] = [];
  for (let count = 0; count < 5; count++) samples.push(await ask(client));
  return samples.reduce((best, one) => (one.latencyMs < best.latencyMs ? one : best));
}

async function ask(db: Db): Promise<DatabaseVitals> {
  const [sentAt, started] = [Date.now(), performance.now()];
  const [row] = await db.$queryRaw<{ version: string; now: Date }[]>`
    SELECT current_setting('server_version') AS version, clock_timestamp() AS now`;
  if (!row) throw new Error('A SELECT returned nothing');
  const latencyMs = performance.now() - started;
  return { version: row.version, latencyMs, clockAheadMs: row.now.getTime() - (sentAt + latencyMs / 2) };
}

export async function unfinishedMigrations({ client }: Database): Promise<{ pending: string[]; failed: string[] }> {
  type Row = { name: string; finished: boolean };
  const rows = await client.$queryRaw<Row[]>`
    SELECT migration_name AS name, finished_at IS NOT NULL AS finished
    FROM _prisma_migrations WHERE rolled_back_at IS NULL`.catch(noneWithoutTable);
  const known = new Map(rows.map(({ name, finished }) => [name, finished]));
  const names = (await readMigrations(MIGRATIONS_FOLDER)).map(({ name }) => name);
  return {
    pending: names.filter((name) => !known.has(name)),
    failed: rows.filter(({ finished }) => !finished).map(({ name }) => name),
  };
}

function noneWithoutTable(error: unknown): [] {
  if (sqlState(error) === '42P01') return [];
  throw error;
}

// Not the instances' channel: they must not receive test messages.
const channel = 'gatelatch_doctor';
const patienceMs = 2_000;

/** Whether a NOTIFY reaches a connection that LISTENs; poolers in transaction mode prevent it. */
export async function hearsNotifications({ listen, notify }: Database): Promise<boolean> {
  const word = randomUUID();
  const giveUp = new AbortController();
  let report: (heard: boolean) => void = () => undefined;
  const heard = new Promise<boolean>((resolve) => (report = resolve));
  const listener = await listen({ [channel]: (message) => message === word && report(true) }, () => report(false));
  try {
    await notify(channel, word);
    const late = sleep(patienceMs, false, { signal: giveUp.signal }).catch(() => false);
    return await Promise.race([heard, late]);
  } finally {
    giveUp.abort();
    await listener.close();
  }
}
