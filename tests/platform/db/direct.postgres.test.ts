import { expect, it, onTestFinished } from 'vitest';
import { Prisma } from '../../../src/generated/prisma/client.js';
import { openDatabase } from '../../../src/platform/db/database.js';
import { rejectionOf } from '../../support/database-errors.js';
import { createServerDatabase } from '../../support/test-database.js';

async function open() {
  const files = await createServerDatabase();
  const statements: string[] = [];
  const onStatement = (sql: string) => void statements.push(sql);
  const database = await openDatabase({ url: files.url, poolSize: 1 }, { onStatement });
  onTestFinished(async () => {
    await database.close();
    await files.drop();
  });
  return { client: database.client, direct: database.client.direct, statements };
}

it('a statement is planned once for a connection, and runs each time', async () => {
  const { client, direct, statements } = await open();
  const add = (one: number) => direct<{ sum: number }>(Prisma.sql`SELECT ${one}::int + 1 AS sum`);
  expect([await add(1), await add(2), await add(3)]).toEqual([[{ sum: 2 }], [{ sum: 3 }], [{ sum: 4 }]]);
  expect(statements).toEqual(Array(3).fill('SELECT $1::int + 1 AS sum'));
  expect(await client.$queryRaw`SELECT statement FROM pg_prepared_statements WHERE name LIKE 'gatelatch%'`).toEqual([
    { statement: 'SELECT $1::int + 1 AS sum' },
  ]);
});

it('a statement runs once more where a pooler has changed the connection, or a migration its columns', async () => {
  const { client, direct } = await open();
  const read = () => direct<{ position: unknown }>(Prisma.sql`SELECT max(position) AS position FROM audit_event`);
  expect(await read()).toEqual([{ position: null }]);
  await client.$executeRaw`DEALLOCATE ALL`;
  expect(await read()).toEqual([{ position: null }]);

  const names = () => direct(Prisma.sql`SELECT * FROM rate_limit`);
  await client.$executeRaw`ALTER TABLE rate_limit ADD COLUMN more text`;
  expect(await names()).toEqual([]);
  await client.$executeRaw`ALTER TABLE rate_limit DROP COLUMN more`;
  expect(await names()).toEqual([]);
});

it('a failed statement is not run again', async () => {
  const { client, direct } = await open();
  await client.$executeRaw`CREATE SEQUENCE tries`;
  const divide = () => direct(Prisma.sql`SELECT 1 / (nextval('tries') * 0)`);
  expect(await rejectionOf(divide())).toMatchObject({ code: '22012' });
  expect(await client.$queryRaw`SELECT last_value::int AS tries FROM tries`).toEqual([{ tries: 1 }]);
});

it('rows have the same types as those of Prisma', async () => {
  const { client, direct } = await open();
  const statement = Prisma.sql`SELECT 1::int AS int, 2::bigint AS big, 3.5::float8 AS float, 'x' AS text, true AS yes,
    ARRAY['a', 'b'] AS list, '{"a": [1]}'::jsonb AS json, '2026-11-29 10:00:00.123+00'::timestamptz AS time,
    ${Buffer.from('bytes')}::bytea AS bytes, NULL AS nothing, ${new Date(0)}::timestamptz AS given`;
  const [[own], [prisma]] = [await direct<object>(statement), await client.$queryRaw<object[]>(statement)];
  const bytes = (row: object | undefined) => ({ ...row, bytes: Buffer.from((row as { bytes: Uint8Array }).bytes) });
  expect(bytes(own)).toEqual(bytes(prisma));
});

it('an error has neither the values of the statement nor those of the row', async () => {
  const { direct } = await open();
  const insert = Prisma.sql`INSERT INTO "user" (id, username, password_hash) VALUES (gen_random_uuid(), 'ida', ${'hash'})`;
  const error = await rejectionOf(direct(insert));
  expect(error).toMatchObject({ code: '23502', column: 'username_key' });
  expect(JSON.stringify({ ...(error as object), message: (error as Error).message })).not.toMatch(/hash'|, hash|ida/);
});
