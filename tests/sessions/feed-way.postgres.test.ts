import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openServer } from '../../src/platform/db/server.js';
import { startAppForTest, type TestApp } from '../support/app.js';
import { onServer } from '../support/template-databases.js';
import { createServerDatabase, type TestDatabase } from '../support/test-database.js';

describe('an instance whose LISTEN leads elsewhere than its statements', () => {
  let database: TestDatabase;
  let elsewhere: TestDatabase;
  let listensTo: TestDatabase;
  beforeEach(async () => {
    [database, elsewhere] = [await createServerDatabase(), await createServerDatabase()];
    for (const one of [database, elsewhere]) onTestFinished(one.drop);
  });

  /** Its pool uses `database`; what it listens to, the test decides: as after a failover, or by another pooler. */
  async function startSplit(environment: Record<string, string> = {}): Promise<TestApp> {
    const openDriver = async () => ({
      ...openServer(database.url, 5),
      listen: (...given: Parameters<ReturnType<typeof openServer>['listen']>) =>
        openServer(listensTo.url, 1).listen(...given),
    });
    return startAppForTest(environment, { database: { ...database, openDriver } });
  }

  const fresh = async (app: TestApp) => {
    const { text } = await app.http.get('/metrics');
    return /^gatelatch_feed_fresh (\d)/m.exec(text)?.[1];
  };

  async function expectEndingFeltBy(app: TestApp, other: TestApp): Promise<void> {
    const { bearer } = await other.signUp();
    await app.http.get('/welcome').set(bearer).expect(200);
    await other.http.post('/auth/logout').set(bearer).expect(204);
    const { body } = await app.http.get('/welcome').set(bearer).expect(401);
    expect(body.code).toBe('session_revoked');
  }

  it('is never fresh, says so, and refuses what others ended at once: it asks the database', async () => {
    listensTo = elsewhere;
    const other = await startAppForTest({}, { databaseUrl: database.url });
    const app = await startSplit({ METRICS: 'on' });
    for (let time = 0; time < 8; time++) {
      expect(app.deps.instanceSync.isFresh()).toBe(false);
      await sleep(100);
    }
    expect(await fresh(app)).toBe('0');
    expect(app.logs.map(({ msg }) => msg)).toContain(
      'the feed of revocations is down: the database is asked for each request',
    );
    await expectEndingFeltBy(app, other);
  });

  it('does not load everything again and again', async () => {
    listensTo = elsewhere;
    const app = await startSplit();
    await sleep(1_500);
    app.statements.length = 0;
    await sleep(2_000);
    expect(app.statements.filter((sql) => sql.includes('FROM revocation')).length).toBeLessThan(3);
  });

  it('is fresh where both lead to the same database, and stops to be within half a second when they part', async () => {
    listensTo = database;
    const other = await startAppForTest({}, { databaseUrl: database.url });
    const app = await startSplit();
    expect(app.deps.instanceSync.isFresh()).toBe(true);
    const { bearer } = await other.signUp();
    app.statements.length = 0;
    await app.http.get('/welcome').set(bearer).expect(200);
    expect(app.statements.filter((sql) => sql.includes('FROM session'))).toEqual([]);

    listensTo = elsewhere;
    await onServer(
      database.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND query LIKE 'LISTEN%gatelatch_beat%'`,
    );
    await vi.waitFor(() => expect(app.deps.instanceSync.isFresh()).toBe(false), { timeout: 700, interval: 20 });
    for (let time = 0; time < 5; time++) {
      await expectEndingFeltBy(app, other);
      await sleep(100);
    }
    listensTo = database;
    await vi.waitFor(() => expect(app.deps.instanceSync.isFresh()).toBe(true), { timeout: 10_000, interval: 50 });
  });
});

it('an instance stays fresh while all its connections are in use and others wait for one', async () => {
  const database = await createServerDatabase();
  onTestFinished(database.drop);
  const app = await startAppForTest({ DATABASE_POOL_SIZE: '2' }, { databaseUrl: database.url });
  const until = performance.now() + 3_000;
  const load = Array.from({ length: 40 }, async () => {
    while (performance.now() < until) await app.deps.db.$queryRaw`SELECT pg_sleep(0.05)::text`;
  });
  await sleep(500);
  while (performance.now() < until) {
    expect(app.deps.instanceSync.isFresh()).toBe(true);
    await sleep(20);
  }
  await Promise.all(load);
});
