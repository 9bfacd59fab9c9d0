import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Database, openDatabase } from '../../../src/platform/db/database.js';
import { isDatabaseUnavailable } from '../../../src/platform/db/errors.js';
import { migrate } from '../../../src/platform/db/migrations/migrate.js';
import { rejectionOf } from '../../support/database-errors.js';
import { type PostgresCluster, startPostgresCluster } from '../../support/postgres-cluster.js';

describe('a database server that hangs', () => {
  let cluster: PostgresCluster;
  let database: Database;

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    database = await openDatabase({ url: cluster.url, poolSize: 2 });
    await migrate(database);
  });
  afterAll(async () => {
    cluster.thaw();
    await database.close();
    await cluster.remove();
  });

  /** Right after a timeout the server is not asked for a moment, so that others need not wait. */
  async function usedAgain(): Promise<void> {
    await vi.waitFor(() => database.ping(), { timeout: 2_000, interval: 20 });
  }

  async function timed(work: Promise<unknown>): Promise<{ error: unknown; ms: number }> {
    const started = Date.now();
    return { error: await rejectionOf(work), ms: Date.now() - started };
  }

  it('counts as unavailable within 3 s for every kind of call, and is used again afterwards', async () => {
    await Promise.all([database.ping(), database.ping()]);
    const lost = vi.fn();
    const listener = await database.listen({ gatelatch_test: () => undefined }, lost);
    cluster.freeze();
    const asked = await Promise.all([
      timed(database.ping()),
      timed(database.client.user.findMany()),
      timed(database.client.$transaction(async (tx) => await tx.user.findMany())),
      timed(database.notify('gatelatch_test', 'x')),
      timed(database.listen({ gatelatch_test: () => undefined }, () => undefined)),
    ]);
    cluster.thaw();
    for (const { error, ms } of asked) {
      expect([isDatabaseUnavailable(error), String(error)]).toEqual([true, String(error)]);
      expect(ms).toBeLessThan(3_000);
    }
    await listener.close();
    expect(lost).not.toHaveBeenCalled();
    await usedAgain();
  });

  it('makes only the first request wait: the next ones are refused at once until it answers', async () => {
    cluster.freeze();
    await rejectionOf(database.client.user.findMany());
    const { error, ms } = await timed(database.client.user.findMany());
    cluster.thaw();
    expect(isDatabaseUnavailable(error)).toBe(true);
    expect(ms).toBeLessThan(200);
    await usedAgain();
  });

  it('makes a transaction wait once, and not again for its ROLLBACK', async () => {
    const writing = database.client.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1`;
      cluster.freeze();
      await tx.$queryRaw`SELECT 1`;
    });
    const { error, ms } = await timed(writing);
    cluster.thaw();
    expect(isDatabaseUnavailable(error)).toBe(true);
    expect(ms).toBeLessThan(3_000);
    await usedAgain();
  });

  it('leaves no open transaction on a connection that returns to the pool', async () => {
    const writing = database.client.$transaction(async (tx) => {
      await tx.$executeRaw`CREATE TABLE half_done (x int)`;
      cluster.freeze();
      await tx.$executeRaw`INSERT INTO half_done VALUES (1)`;
    });
    expect(isDatabaseUnavailable(await rejectionOf(writing))).toBe(true);
    cluster.thaw();
    await usedAgain();
    const asked = Array.from(
      { length: 4 },
      () => database.client.$queryRaw<{ alone: boolean }[]>`SELECT now() = statement_timestamp() AS alone`,
    );
    expect(await Promise.all(asked)).toEqual(Array(4).fill([{ alone: true }]));
    await vi.waitFor(async () => {
      const rows = await database.client.$queryRaw`SELECT to_regclass('half_done')::text AS found`;
      expect(rows).toEqual([{ found: null }]);
    });
  });

  it('and crashes is used again when it is back', async () => {
    await database.ping();
    await cluster.crash();
    expect(isDatabaseUnavailable(await rejectionOf(database.ping()))).toBe(true);
    await cluster.restart();
    await delay(100);
    await database.ping();
  });
});
