import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../../src/platform/db/database.js';
import { isDatabaseUnavailable } from '../../../src/platform/db/errors.js';
import { startAppForTest } from '../../support/app.js';
import { rejectionOf } from '../../support/database-errors.js';
import { createRoleDatabase, type RoleDatabase } from '../../support/role-database.js';
import { createServerDatabase } from '../../support/test-database.js';

const newName = () => `user-${crypto.randomUUID().slice(0, 12)}`;

describe('whatever the role or the database has set', () => {
  let database: RoleDatabase;
  beforeAll(async () => {
    database = await createRoleDatabase();
  });
  afterAll(async () => database.drop());

  // Every login, a refresh, an export and a page of rows go through times, texts, numbers, arrays and bytes.
  async function expectToServe(): Promise<void> {
    const app = await startAppForTest({}, { databaseUrl: database.url });
    const { username, password, refreshToken, bearer } = await app.signUp({ username: newName() });
    await app.http.post('/auth/login').send({ username, password }).expect(200);
    const before = await app.http.post('/auth/refresh').send({ refresh_token: refreshToken }).expect(200);
    expect(before.body.access_token).toBeTypeOf('string');
    await app.http.post('/todos').set(bearer).send({ title: 'C:\\new \\x41 ‘ ’ ☃' }).expect(201);
    const { body } = await app.http.get('/todos').set(bearer).expect(200);
    expect(body.data).toMatchObject([{ title: 'C:\\new \\x41 ‘ ’ ☃' }]);
    const me = await app.http.get('/me').set(bearer).expect(200);
    expect(Math.abs(Date.now() - Date.parse(me.body.created_at))).toBeLessThan(60_000);
    await app.http.get('/me/export').set(bearer).expect(200);
    await app.http.get('/auth/sessions').set(bearer).expect(200);
  }

  it.each([
    ["DateStyle = 'SQL, DMY'"],
    ["DateStyle = 'German'"],
    ["IntervalStyle = 'sql_standard'"],
    ["TimeZone = 'Asia/Kathmandu'"],
    ['standard_conforming_strings = off'],
    ["bytea_output = 'escape'"],
    ['extra_float_digits = -15'],
    ['array_nulls = off'],
    ["client_encoding = 'LATIN1'"],
    ["default_transaction_isolation = 'serializable'"],
    ["statement_timeout = '1ms'"],
    ["lock_timeout = '1ms'"],
    ["idle_in_transaction_session_timeout = '1ms'"],
  ])('serves with %s', async (setting) => {
    const [name] = setting.split(' ');
    await database.run(`ALTER ROLE ${database.role} SET ${setting}`);
    onTestFinished(async () => void (await database.run(`ALTER ROLE ${database.role} RESET ${name}`)));
    await expectToServe();
  });

  it.each([['serializable'], ['repeatable read']])('answers many at once with isolation %s', async (level) => {
    await database.run(`ALTER ROLE ${database.role} SET default_transaction_isolation = '${level}'`);
    const app = await startAppForTest({}, { databaseUrl: database.url });
    const { username, password } = await app.signUp({ username: newName() });
    const logins = await Promise.all(
      Array.from({ length: 16 }, () => app.http.post('/auth/login').send({ username, password })),
    );
    expect(logins.map(({ status }) => status)).toEqual(Array(16).fill(200));
    const refreshes = await Promise.all(
      logins.map(({ body }) => app.http.post('/auth/refresh').send({ refresh_token: body.refresh_token })),
    );
    expect(refreshes.map(({ status }) => status)).toEqual(Array(16).fill(200));
  });
});

describe('what Postgres rolled back for the sake of others', () => {
  async function open() {
    const files = await createServerDatabase('empty');
    const database = await openDatabase({ url: files.url, poolSize: 4 });
    onTestFinished(async () => {
      await database.close();
      await files.drop();
    });
    const { client } = database;
    await client.$executeRaw`CREATE TABLE counted (id int PRIMARY KEY, times int NOT NULL)`;
    await client.$executeRaw`INSERT INTO counted VALUES (1, 0), (2, 0)`;
    const times = async () => {
      const rows = await client.$queryRaw<{ times: number }[]>`SELECT times FROM counted ORDER BY id`;
      return rows.map((row) => row.times);
    };
    // A function that fails so many times, and counts even so: a sequence is not rolled back.
    await client.$executeRaw`CREATE SEQUENCE tries`;
    await client.$executeRawUnsafe(`CREATE FUNCTION fail(times int, state text) RETURNS int LANGUAGE plpgsql AS $$
      BEGIN IF nextval('tries') <= times THEN RAISE EXCEPTION 'on purpose' USING ERRCODE = state; END IF; RETURN 1; END $$`);
    const tries = async () => {
      const rows = await client.$queryRaw<{ tries: number }[]>`SELECT last_value::int AS tries FROM tries`;
      return rows[0]?.tries;
    };
    return { database, client, times, tries };
  }

  it('two transactions in a deadlock both succeed, each once', async () => {
    const { client, times } = await open();
    const addTo = (first: number, second: number) =>
      client.$transaction(async (tx) => {
        await tx.$executeRaw`UPDATE counted SET times = times + 1 WHERE id = ${first}`;
        await sleep(200);
        await tx.$executeRaw`UPDATE counted SET times = times + 1 WHERE id = ${second}`;
      });
    await Promise.all([addTo(1, 2), addTo(2, 1)]);
    expect(await times()).toEqual([2, 2]);
  });

  it.each(['40001', '40P01'])('a statement that failed with %s runs again, on every way', async (state) => {
    const { client, database, tries } = await open();
    await client.$queryRaw`SELECT fail(2, ${state})`;
    expect(await tries()).toBe(3);
    await client.$executeRaw`ALTER SEQUENCE tries RESTART`;
    await client.direct({ text: 'SELECT fail(2, $1)', values: [state] } as never);
    expect(await tries()).toBe(3);
    await client.$executeRaw`ALTER SEQUENCE tries RESTART`;
    await database.runSql?.('SELECT fail(2, $1)', [state]);
    expect(await tries()).toBe(3);
    await client.$executeRaw`ALTER SEQUENCE tries RESTART`;
    await client.$transaction(async (tx) => await tx.$queryRaw`SELECT fail(2, ${state})`);
    expect(await tries()).toBe(3);
  });

  it('it is tried five times at most, and then counts as unavailable', async () => {
    const { client, tries } = await open();
    const error = await rejectionOf(client.$queryRaw`SELECT fail(100, '40001')`);
    expect([isDatabaseUnavailable(error), await tries()]).toEqual([true, 5]);
  });

  it('other failures are not tried again', async () => {
    const { client, tries } = await open();
    await rejectionOf(client.$queryRaw`SELECT fail(100, '23505')`);
    await rejectionOf(client.$transaction(async (tx) => await tx.$queryRaw`SELECT fail(100, '57014')`));
    expect(await tries()).toBe(2);
  });
});
