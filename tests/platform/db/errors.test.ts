import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../src/platform/db/database.js';
import { isDatabaseUnavailable, sqlState, uniqueViolation } from '../../../src/platform/db/errors.js';
import { raiseStates, rejectionOf, violateUniqueness } from '../../support/database-errors.js';
import { createTestDatabase, type TestDatabase } from '../../support/test-database.js';

// Runs on the embedded database with `npm test` and on a server with `npm run test:postgres`: their errors differ.
describe('errors of the database', () => {
  let files: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    files = await createTestDatabase();
    database = await openDatabase({ url: files.url, poolSize: 2 });
  });
  afterAll(async () => {
    await database.close();
    await files.drop();
  });

  it('name the column that must be unique, from Prisma and raw SQL', async () => {
    const errors = await violateUniqueness(database.client);
    expect(errors.map(uniqueViolation)).toEqual([
      'username_key',
      'email_key',
      'username_key',
      'email_key',
      'email_key',
    ]);
    expect(errors.some(isDatabaseUnavailable)).toBe(false);
  });

  it('count as unavailable for outages, and for nothing else', async () => {
    const outages = ['08006', '25006', '40001', '40P01', '53100', '53300', '55P03', '57014', '57P01', '57P02', '57P03'];
    for (const [state, error] of await raiseStates(database.client, outages)) {
      expect([state, sqlState(error), isDatabaseUnavailable(error)]).toEqual([state, state, true]);
    }
    for (const [state, error] of await raiseStates(database.client, ['22021', '23502', '23505', '42P01', 'P0001'])) {
      expect([state, sqlState(error), isDatabaseUnavailable(error)]).toEqual([state, state, false]);
    }
  });

  it('do not count as unavailable for broken references, NUL bytes and missing rows', async () => {
    const { client } = database;
    const id = crypto.randomUUID();
    const errors = [
      await rejectionOf(client.todo.create({ data: { id, userId: id, title: 'x' } })),
      await rejectionOf(client.user.create({ data: { id, username: '\0', usernameKey: '\0', passwordHash: 'x' } })),
      await rejectionOf(client.user.delete({ where: { id } })),
    ];
    expect(errors.some(isDatabaseUnavailable)).toBe(false);
    expect(errors.map(uniqueViolation)).toEqual([undefined, undefined, undefined]);
  });

  it('count as unavailable if a transaction took too long', async () => {
    const slow = database.client.$transaction(
      async (tx) => {
        await tx.$queryRaw`SELECT 1`;
        await new Promise((resolve) => setTimeout(resolve, 200));
        await tx.$queryRaw`SELECT 1`;
      },
      { timeout: 100 },
    );
    const error = await rejectionOf(slow);
    expect([sqlState(error), isDatabaseUnavailable(error)]).toEqual([undefined, true]);
  });

  it('count as unavailable after the database was closed', async () => {
    const own = await createTestDatabase();
    const closed = await openDatabase({ url: own.url, poolSize: 1 });
    await closed.close();
    expect(isDatabaseUnavailable(await rejectionOf(closed.client.user.findMany()))).toBe(true);
    await own.drop();
  });

  it('are told apart from other thrown values', () => {
    for (const thrown of [undefined, null, 'x', 0, {}, new Error('x'), new TypeError('x')]) {
      expect([uniqueViolation(thrown), sqlState(thrown), isDatabaseUnavailable(thrown)]).toEqual([
        undefined,
        undefined,
        false,
      ]);
    }
  });
});
