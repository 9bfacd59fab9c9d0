import { describe, expect, it } from 'vitest';
import { startAppForTest } from '../support/app.js';
import { times } from '../support/limits.js';
import { expectTold, told } from '../support/prometheus-text.js';

describe('On a Postgres server, the metrics', () => {
  it('show the connections of the pool and how many requests wait for one', async () => {
    const app = await startAppForTest({ DATABASE_POOL_SIZE: '2' });
    await expectTold(app, 'gatelatch_database_connections', { state: 'busy' }, 0);
    expect(await told(app, 'gatelatch_database_connections_max')).toBe(2);
    const slow = times(5, () => app.deps.db.$queryRaw`SELECT pg_sleep(0.5)::text`.then());
    await expectTold(app, 'gatelatch_database_connections', { state: 'busy' }, 2);
    expect(await told(app, 'gatelatch_database_waiting')).toBeGreaterThan(0);
    await Promise.all(slow);
    await expectTold(app, 'gatelatch_database_connections', { state: 'idle' }, 2);
    await expectTold(app, 'gatelatch_database_waiting', {}, 0);
  });

  it('show how far this instance may be behind the others', async () => {
    const app = await startAppForTest();
    const lag = await told(app, 'gatelatch_feed_lag_seconds');
    expect(lag).toBeGreaterThan(0);
    expect(await told(app, 'gatelatch_feed_fresh')).toBe(1);
    await app.deps.instanceSync.stop();
    await expectTold(app, 'gatelatch_feed_fresh', {}, 0);
    expect(await told(app, 'gatelatch_feed_lag_seconds')).toBeGreaterThanOrEqual(0.5);
  });
});
