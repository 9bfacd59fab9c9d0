import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../src/platform/db/database.js';
import { isDatabaseUnavailable, sqlState, uniqueViolation } from '../../../src/platform/db/errors.js';
import { raiseStates, rejectionOf, violateUniqueness } from '../../support/database-errors.js';
import { createTestDatabase, type TestDatabase } from '../../support/test-database.js';

// On the embedded database under `npm test`, on a server under `npm run test:postgres`: they report differently.
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

  it('name the column whose uniqueness was broken, by every way of asking', async () => {
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

  it('say that the database is unavailable for what is nobody’s fault, and for nothing else', async () => {
    const outages = ['08006', '25006', '40001', '40P01', '53100', '53300', '55P03', '57014', '57P01', '57P02', '57P03'];
    for (const [state, error] of await raiseStates(database.client, outages)) {
      expect([state, sqlState(error), isDatabaseUnavailable(error)]).toEqual([state, state, true]);
    }
    for (const [state, error] of await raiseStates(database.client, ['22021', '23502', '23505', '42P01', 'P0001'])) {
      expect([state, sqlState(error), isDatabaseUnavailable(error)]).toEqual([state, state, false]);
    }
  });

  it('are the request’s own fault for broken references, NUL bytes and missing rows', async () => {
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

  it('say that it is unavailable where a transaction went on for too long', async () => {
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

  it('say so after it has been closed', async () => {
    const own = await createTestDatabase();
    const closed = await openDatabase({ url: own.url, poolSize: 1 });
    await closed.close();
    expect(isDatabaseUnavailable(await rejectionOf(closed.client.user.findMany()))).toBe(true);
    await own.drop();
  });

  it('are neither for what is no error of a database', () => {
    for (const thrown of [undefined, null, 'x', 0, {}, new Error('x'), new TypeError('x')]) {
      expect([uniqueViolation(thrown), sqlState(thrown), isDatabaseUnavailable(thrown)]).toEqual([
        undefined,
        undefined,
        false,
      ]);
    }
  });
});
