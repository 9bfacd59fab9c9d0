import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Database, openDatabase } from '../../../src/platform/db/database.js';
import { isDatabaseUnavailable } from '../../../src/platform/db/errors.js';
import { createEmbeddedDatabase, type TestDatabase } from '../../support/test-database.js';

describe('an embedded database', () => {
  let files: TestDatabase;
  let database: Database;
  const statements: string[] = [];

  beforeAll(async () => {
    files = createEmbeddedDatabase();
    database = await openDatabase({ url: files.url, poolSize: 10 }, { onStatement: (sql) => statements.push(sql) });
  });
  afterAll(async () => {
    await database.close();
    await files.drop();
  });

  it('is embedded, answers a ping, and locks its directory', async () => {
    await database.ping();
    expect(database.kind).toBe('embedded');
    await expect(openDatabase({ url: files.url, poolSize: 10 })).rejects.toThrow(`process ${process.pid}`);
  });

  it('reports every statement once, from Prisma and raw', async () => {
    statements.length = 0;
    await database.client.user.findMany();
    await database.client.$queryRaw`SELECT 1`;
    expect(statements).toEqual([expect.stringContaining('"user"'), 'SELECT 1']);
  });

  it('uses UTC and the current time', async () => {
    const [row] = await database.client.$queryRaw<{ zone: string; now: Date }[]>`
      SELECT current_setting('TimeZone') AS zone, now() AS now`;
    expect(row?.zone).toBe('UTC');
    expect(Math.abs(Date.now() - (row?.now.getTime() ?? 0))).toBeLessThan(5_000);
  });

  it('delivers messages in the order of their commits, until it is closed', async () => {
    const heard: string[] = [];
    const hear = (payload: string) => void heard.push(payload);
    const listener = await database.listen({ gatelatch_test: hear, gatelatch_test_2: hear }, fail);
    await database.client.$executeRaw`SELECT pg_notify('gatelatch_test', 'a'), pg_notify('gatelatch_test', 'b')`;
    await database.notify('gatelatch_test_2', 'x');
    await vi.waitFor(() => expect(heard).toEqual(['a', 'b', 'x']));
    await listener.close();
    await database.client.$executeRaw`SELECT pg_notify('gatelatch_test', 'c')`;
    await database.ping();
    expect(heard).toEqual(['a', 'b', 'x']);
  });

  it('survives more transactions at once than it can start in time', async () => {
    const hold = () =>
      database.client.$transaction(async (tx) => {
        await tx.$queryRaw`SELECT 1`;
        await new Promise((resolve) => setTimeout(resolve, 900));
      });
    const outcomes = await Promise.allSettled(Array.from({ length: 6 }, hold));
    const refusals = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refusals.length).toBeGreaterThan(0);
    expect(refusals.every(({ reason }) => isDatabaseUnavailable(reason))).toBe(true);
    await database.ping();
  });
});

describe('opening a database', () => {
  it('refuses a URL of another kind without repeating it', async () => {
    const opening = openDatabase({ url: 'mysql://root:secret@db/x', poolSize: 1 });
    await expect(opening).rejects.toThrow(/^The database URL begins with neither pglite: nor postgresql:/);
    await expect(opening).rejects.not.toThrow(/secret/);
  });

  it('refuses a channel name that would need quoting', async () => {
    const database = await openDatabase({ url: 'postgresql://nobody@127.0.0.1:1/none', poolSize: 1 });
    await expect(database.listen({ 'a b': fail }, fail)).rejects.toThrow();
    await database.close();
  });
});

function fail(reason: unknown): never {
  throw new Error(`Nothing should have called this: ${String(reason)}`);
}

it.skipIf(process.platform === 'win32')(
  'the files of an embedded database are out of reach of other users of the machine, whatever rights they had before',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'gatelatch-rights-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    chmodSync(dir, 0o755);
    const rights = () => statSync(join(dir, 'pgdata')).mode & 0o777;
    for (const before of [undefined, 0o755, 0o770]) {
      if (before !== undefined) chmodSync(join(dir, 'pgdata'), before);
      const database = await openDatabase({ url: `pglite:${dir}`, poolSize: 10 });
      expect(rights()).toBe(0o700);
      await database.close();
    }
  },
);
