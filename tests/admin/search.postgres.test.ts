import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { expect, inject, it, onTestFinished } from 'vitest';
import { startAppForTest, type TestApp } from '../support/app.js';
import { withRole } from '../support/rows.js';
import { onServer, withDatabase } from '../support/template-databases.js';
import { createServerDatabase } from '../support/test-database.js';

const crowd = 100_000;

/** The fastest of five, in milliseconds, and how many were found. */
async function search(app: TestApp, bearer: { Authorization: string }, q: string) {
  let [best, found] = [Number.POSITIVE_INFINITY, 0];
  for (let time = 0; time < 5; time++) {
    const begun = performance.now();
    const answer = await fetch(`${app.url}/admin/users?q=${q}`, { headers: bearer });
    const { data } = (await answer.json()) as { data: unknown[] };
    best = Math.min(best, performance.now() - begun);
    found = data.length;
  }
  return { ms: best, found };
}

it(`a search among ${crowd} users takes less than 100 ms with pg_trgm, also without a match`, async () => {
  const database = await createServerDatabase();
  onTestFinished(database.drop);
  const app = await startAppForTest({}, { databaseUrl: database.url });
  const { bearer } = await withRole(app, await app.signUp(), 'admin');
  const client = new pg.Client(database.url);
  await client.connect();
  await client.query(`
    INSERT INTO "user" (id, username, username_key, email, email_key, password_hash)
    SELECT gen_random_uuid(), name, name, name || '@example.com', name || '@example.com', '-'
    FROM (SELECT 'user-' || md5(n::text) AS name FROM generate_series(1, ${crowd}) n) AS named`);
  await client.query('VACUUM ANALYZE "user"');
  const probes = ['zebra', 'user-c4ca4238', 'user', 'EXAMPLE.com'];
  const measure = async () => {
    const seen: Record<string, { ms: number; found: number }> = {};
    for (const q of probes) seen[q] = await search(app, bearer, q);
    return seen;
  };
  const withIndex = await measure();
  await client.query('DROP INDEX user_username_key_trgm_idx, user_email_key_trgm_idx');
  const without = await measure();
  await client.end();
  for (const q of probes)
    console.info(`  ?q=${q}: ${withIndex[q]?.ms.toFixed(1)} ms, without the index ${without[q]?.ms.toFixed(1)} ms`);
  for (const q of probes) expect(withIndex[q]?.ms, q).toBeLessThan(100);
  // The same answers, sooner.
  expect(probes.map((q) => withIndex[q]?.found)).toEqual([0, 1, 20, 20]);
  expect(probes.map((q) => without[q]?.found)).toEqual([0, 1, 20, 20]);
  expect(withIndex.zebra?.ms).toBeLessThan((without.zebra?.ms ?? 0) / 2);
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
  expect((await search(app, bearer, username.slice(1))).found).toBe(1);
});
