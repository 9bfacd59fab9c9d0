import { randomBytes } from 'node:crypto';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { startApp, startAppForTest } from '../../support/app.js';
import { createCli } from '../../support/run-cli.js';
import { startStrictPooler } from '../../support/strict-pooler.js';
import { onServer, withDatabase } from '../../support/template-databases.js';
import { createServerDatabase } from '../../support/test-database.js';

async function databaseIn(encoding: string): Promise<string> {
  const { server } = inject('templates');
  if (server === undefined) throw new Error('This test needs TEST_DATABASE_URL.');
  const name = `gatelatch_test_${randomBytes(6).toString('hex')}`;
  await onServer(
    server.url,
    `CREATE DATABASE ${name} ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
  );
  onTestFinished(async () => void (await onServer(server.url, `DROP DATABASE ${name} WITH (FORCE)`)));
  return withDatabase(server.url, name);
}

describe.each(['LATIN1', 'SQL_ASCII', 'EUC_JP'])('a database in %s', { timeout: 60_000 }, (encoding) => {
  it('is refused by the start and by doctor, with what to do; nothing is written to it', async () => {
    const url = await databaseIn(encoding);
    const told = `the database has the encoding ${encoding}, not UTF8. Make one: CREATE DATABASE <name> ENCODING 'UTF8' TEMPLATE template0`;
    await expect(startApp({}, { databaseUrl: url })).rejects.toThrow(`DATABASE_URL: ${told}`);
    expect(await onServer(url, `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)).toEqual([]);
    const cli = await createCli({ DATABASE_URL: url });
    onTestFinished(cli.remove);
    const { code, stdout } = await cli.run(['doctor']);
    expect(code).not.toBe(0);
    expect(stdout).toContain(`${encoding}, not UTF8`);
    expect(stdout).toContain("ENCODING 'UTF8' TEMPLATE template0");
  });
});

describe('behind a pooler that refuses startup parameters', () => {
  it('the server starts and has its time limits', async () => {
    const files = await createServerDatabase();
    onTestFinished(files.drop);
    const app = await startAppForTest(
      {},
      { databaseUrl: `${await startStrictPooler(files.url)}?statement_timeout=3000` },
    );
    await app.signUp();
    const [limits] = await app.deps.db.$queryRaw<unknown[]>`
      SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
        current_setting('idle_in_transaction_session_timeout') AS idle`;
    expect(limits).toEqual({ statement: '3s', lock: '1500ms', idle: '8s' });
  });

  it('a parameter that the URL asks for ends the start with the reason, and is not waited for', async () => {
    const files = await createServerDatabase();
    onTestFinished(files.drop);
    const url = `${await startStrictPooler(files.url)}?options=-csearch_path%3Dpublic`;
    await expect(startApp({}, { databaseUrl: url })).rejects.toThrow('unsupported startup parameter: options');
  });
});
