import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Database, openDatabase } from '../../../src/platform/db/database.js';
import { isDatabaseUnavailable, sqlState } from '../../../src/platform/db/errors.js';
import { rejectionOf } from '../../support/database-errors.js';
import { onServer } from '../../support/template-databases.js';
import { createServerDatabase, type TestDatabase } from '../../support/test-database.js';

describe('a database on a server', () => {
  let files: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    files = await createServerDatabase();
    database = await openDatabase({ url: files.url, poolSize: 2 });
  });
  afterAll(async () => {
    await database.close();
    await files.drop();
  });

  const terminateOthers = async () =>
    await onServer(
      files.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );

  it('returns the same times that were stored, in any time zone of the server', async () => {
    await onServer(
      files.url,
      `ALTER DATABASE ${new URL(files.url).pathname.slice(1)} SET timezone = 'America/Sao_Paulo'`,
    );
    const elsewhere = await openDatabase({ url: files.url, poolSize: 2 });
    const { client } = elsewhere;
    const time = new Date('2026-07-01T23:30:00.123Z');
    const id = crypto.randomUUID();
    const data = { id, username: 'x', usernameKey: 'zone', passwordHash: 'x', lastLoginAt: time };
    expect((await client.user.create({ data })).lastLoginAt).toEqual(time);
    const [row] = await client.$queryRaw<{ at: Date; epoch: number; now: Date }[]>`
      SELECT last_login_at AS at, extract(epoch FROM last_login_at)::float AS epoch, now() AS now FROM "user" WHERE id = ${id}::uuid`;
    expect(row).toMatchObject({ at: time, epoch: time.getTime() / 1000 });
    expect(Math.abs(Date.now() - (row?.now.getTime() ?? 0))).toBeLessThan(5_000);
    const zones = Array.from({ length: 4 }, () => client.$queryRaw`SELECT current_setting('TimeZone') AS zone`);
    expect(await Promise.all(zones)).toEqual(Array(4).fill([{ zone: 'UTC' }]));
    await elsewhere.close();
  });

  it('sets its limits and name on every connection, and the URL can override them', async () => {
    const read = (client: Database['client']) => client.$queryRaw`
      SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
             current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('application_name') AS name`;
    expect(await read(database.client)).toEqual([{ statement: '2s', lock: '1500ms', idle: '8s', name: 'gatelatch' }]);
    const url = `${files.url}?application_name=mine&statement_timeout=3000`;
    const own = await openDatabase({ url, poolSize: 1 });
    expect(await read(own.client)).toMatchObject([{ statement: '3s', name: 'mine' }]);
    await own.close();
  });

  it('stops a statement, and a wait for a lock, after the time limit', async () => {
    expect(sqlState(await rejectionOf(database.client.$queryRaw`SELECT pg_sleep(5)::text`))).toBe('57014');
    const blocked = database.client.$transaction(async (tx) => {
      await tx.$executeRaw`LOCK TABLE "user"`;
      return await rejectionOf(database.client.user.findMany());
    });
    expect(sqlState(await blocked)).toBe('55P03');
  });

  it('counts as unavailable if no connection becomes free in time', async () => {
    const busy = Array.from({ length: 2 }, () => database.client.$transaction(async () => await delay(3_000)));
    await delay(200);
    const errors = await Promise.all([
      rejectionOf(database.client.user.findMany()),
      rejectionOf(database.client.$queryRaw`SELECT 1`),
      rejectionOf(database.client.$transaction(async (tx) => await tx.user.findMany())),
    ]);
    expect(errors.map(isDatabaseUnavailable)).toEqual([true, true, true]);
    await Promise.all(busy);
  });

  it('survives the end of all its connections, idle and busy, and goes on', async () => {
    const busy = rejectionOf(database.client.$queryRaw`SELECT pg_sleep(1)::text`);
    const within = rejectionOf(
      database.client.$transaction(async (tx) => {
        await tx.$queryRaw`SELECT 1`;
        await delay(600);
        await tx.$queryRaw`SELECT 1`;
      }),
    );
    await delay(300);
    await terminateOthers();
    expect([isDatabaseUnavailable(await busy), isDatabaseUnavailable(await within)]).toEqual([true, true]);
    await Promise.all([database.ping(), database.ping()]);
    await terminateOthers();
    await delay(100);
    await database.ping();
  });

  it('counts as unavailable if the server does not listen, or if the database is gone', async () => {
    for (const url of ['postgresql://x@127.0.0.1:1/x', 'postgresql://x@localhost:1/x', `${files.url}_gone`]) {
      const away = await openDatabase({ url, poolSize: 1 });
      const errors = [
        await rejectionOf(away.ping()),
        await rejectionOf(away.client.user.findMany()),
        await rejectionOf(away.client.$transaction(async (tx) => await tx.user.findMany())),
        await rejectionOf(away.listen({ x: () => undefined }, () => undefined)),
      ];
      expect([url, ...errors.map(isDatabaseUnavailable)]).toEqual([url, true, true, true, true]);
      await away.close();
    }
  });

  it('delivers messages in the order of their commits, and reports a lost connection', async () => {
    const heard: string[] = [];
    const onLost = vi.fn();
    const hear = (payload: string) => void heard.push(payload);
    const listener = await database.listen({ gatelatch_test: hear, gatelatch_test_2: hear }, onLost);
    await database.client.$executeRaw`SELECT pg_notify('gatelatch_test', 'a'), pg_notify('gatelatch_test', 'b')`;
    await database.notify('gatelatch_test_2', 'c');
    await vi.waitFor(() => expect(heard).toEqual(['a', 'b', 'c']));
    await terminateOthers();
    await vi.waitFor(() => expect(onLost).toHaveBeenCalledTimes(1));
    await listener.close();
    expect(onLost).toHaveBeenCalledTimes(1);
  });

  it('does not report a closed listener as lost', async () => {
    const onLost = vi.fn();
    const listener = await database.listen({ gatelatch_test: () => undefined }, onLost);
    await listener.close();
    await delay(200);
    expect(onLost).not.toHaveBeenCalled();
  });
});
