import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { expect, inject, it, onTestFinished } from 'vitest';
import { startAppForTest, type TestApp } from '../support/app.js';
import { withRole } from '../support/rows.js';
import { onServer, withDatabase } from '../support/template-databases.js';
import { createServerDatabase } from '../support/test-database.js';

const crowd = 30_000;

async function found(app: TestApp, bearer: { Authorization: string }, q: string): Promise<number> {
  const { body } = await app.http.get('/admin/users').query({ q }).set(bearer).expect(200);
  return body.data.length;
}

it('the search of users finds by trigrams instead of reading every row', async () => {
  const database = await createServerDatabase();
  onTestFinished(database.drop);
  const app = await startAppForTest({}, { databaseUrl: database.url });
  const { bearer } = await withRole(app, await app.signUp(), 'admin');
  const client = new pg.Client(database.url);
  await client.connect();
  onTestFinished(() => client.end());
  await client.query(`
    INSERT INTO "user" (id, username, username_key, email, email_key, password_hash)
    SELECT gen_random_uuid(), name, name, name || '@example.com', name || '@example.com', '-'
    FROM (SELECT 'user-' || md5(n::text) AS name FROM generate_series(1, ${crowd}) n) AS named`);
  await client.query('VACUUM ANALYZE "user"');
  const answers = async () => {
    const counts: number[] = [];
    for (const q of ['zebra', 'user-c4ca4238', 'user', 'EXAMPLE.com']) counts.push(await found(app, bearer, q));
    return counts;
  };
  /** The milliseconds in the database, and the plan. */
  const explained = async () => {
    const { rows } = await client.query(`
      EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM "user"
      WHERE pending_until IS NULL AND deleted_at IS NULL AND (username_key LIKE '%zebra%' OR email_key LIKE '%zebra%')
      ORDER BY id LIMIT 21`);
    const [plan] = rows[0]['QUERY PLAN'];
    return { ms: plan['Execution Time'] as number, text: JSON.stringify(plan) };
  };
  const [withIndex, foundBy] = [await explained(), await answers()];
  await client.query('DROP INDEX user_username_key_trgm_idx, user_email_key_trgm_idx');
  const [without, foundWithout] = [await explained(), await answers()];
  console.info(`  ${crowd} users, no match: ${withIndex.ms} ms, without the indexes ${without.ms} ms`);
  expect(withIndex.text).toContain('user_username_key_trgm_idx');
  expect(withIndex.text).toContain('user_email_key_trgm_idx');
  expect(withIndex.ms).toBeLessThan(without.ms / 4);
  expect(foundBy).toEqual([0, 1, 20, 20]);
  expect(foundWithout).toEqual(foundBy);
}, 300_000);

it('a role that may not add extensions migrates and searches all the same', async () => {
  const { server } = inject('templates');
  if (!server) throw new Error('This test needs TEST_DATABASE_URL.');
  const name = `gatelatch_test_${randomBytes(6).toString('hex')}`;
  await onServer(server.url, `CREATE DATABASE ${name} TEMPLATE template0`);
  const url = withDatabase(server.url, name);
  await onServer(server.url, `CREATE ROLE ${name} LOGIN PASSWORD 'tests-only'`);
  onTestFinished(async () => {
    await onServer(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await onServer(server.url, `DROP ROLE ${name}`);
  });
  await onServer(url, `GRANT ALL ON SCHEMA public TO ${name}`);
  const asRole = new URL(url);
  [asRole.username, asRole.password] = [name, 'tests-only'];
  const app = await startAppForTest({}, { databaseUrl: asRole.href });
  const { bearer, username } = await withRole(app, await app.signUp(), 'admin');
  expect(await onServer(url, `SELECT FROM pg_extension WHERE extname = 'pg_trgm'`)).toEqual([]);
  expect(await found(app, bearer, username.slice(1))).toBe(1);
});
