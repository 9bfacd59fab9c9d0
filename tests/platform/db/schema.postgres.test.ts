import { describe, expect, it, onTestFinished } from 'vitest';
import { startApp, startAppForTest } from '../../support/app.js';
import { createRoleDatabase, type RoleDatabase } from '../../support/role-database.js';
import { createCli } from '../../support/run-cli.js';
import { createEmbeddedDatabase } from '../../support/test-database.js';

async function roleDatabase(): Promise<RoleDatabase> {
  const database = await createRoleDatabase();
  onTestFinished(database.drop);
  return database;
}

const schemasOf = async ({ run }: RoleDatabase) =>
  (
    await run(
      `SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)' ORDER BY schemaname`,
    )
  ).map(({ schemaname }) => schemaname);

async function use(databaseUrl: string): Promise<{ username: string; password: string }> {
  const app = await startApp({ RATE_LIMIT: 'on' }, { databaseUrl });
  const { username, password, bearer, refreshToken } = await app.signUp({ email: 'ada@example.com' });
  await app.http.post('/auth/refresh').send({ refresh_token: refreshToken }).expect(200);
  await app.http.post('/todos').set(bearer).send({ title: 'mine' }).expect(201);
  const { body } = await app.http.get('/me/export').set(bearer).expect(200);
  expect(JSON.stringify(body)).toContain('mine');
  await app.stop();
  return { username, password };
}

const withQuery = (url: string, query: string) => `${url}?${query}`;

describe('all tables are in the schema in use', { timeout: 60_000 }, () => {
  const cases: [string, string[], string, string][] = [
    ['?schema=, which is made if it is missing', [], 'schema=auth', 'auth'],
    ['?schema= with a name that needs quotes', ['CREATE SCHEMA "My Auth"'], 'schema=My+Auth', 'My Auth'],
    ['options=-csearch_path', ['CREATE SCHEMA auth'], 'options=-csearch_path%3Dauth', 'auth'],
    ['a schema named like the role', ['CREATE SCHEMA $role'], '', '$role'],
    ['the role’s search_path', ['CREATE SCHEMA auth', 'ALTER ROLE $role SET search_path = auth, public'], '', 'auth'],
    [
      '?schema= against the role’s',
      ['CREATE SCHEMA one', 'ALTER ROLE $role SET search_path = one'],
      'schema=two',
      'two',
    ],
  ];

  it.each(cases)('named by %s', async (_, statements, query, expected) => {
    const database = await roleDatabase();
    const named = (text: string) => text.replaceAll('$role', database.role);
    for (const sql of statements) {
      await database.run(named(sql));
      const [, schema] = /CREATE SCHEMA (.+)/.exec(named(sql)) ?? [];
      if (schema) await database.run(`ALTER SCHEMA ${schema} OWNER TO ${database.role}`);
    }
    const url = query ? withQuery(database.url, query) : database.url;
    const { username, password } = await use(url);
    expect(await schemasOf(database)).toEqual([named(expected)]);

    // A second start finds them again, and so does the command line.
    const again = await startAppForTest({}, { databaseUrl: url });
    await again.http.post('/auth/login').send({ username, password }).expect(200);
    const cli = await createCli({ DATABASE_URL: url, AUTH_SECRET: String(again.config.authSecret) });
    onTestFinished(cli.remove);
    expect(JSON.stringify(await cli.json(['users', 'list']))).toContain(username);
    const { stdout } = await cli.run(['doctor']);
    expect(stdout).toMatch(/migrations.*complete/);
  });

  it('so two sites share one database, and neither sees the other', async () => {
    const database = await roleDatabase();
    const { username, password } = await use(withQuery(database.url, 'schema=one'));
    const other = await startAppForTest({}, { databaseUrl: withQuery(database.url, 'schema=two') });
    await other.http.post('/auth/login').send({ username, password }).expect(401);
    expect(await schemasOf(database)).toEqual(['one', 'two']);
  });

  it('tables stay where they are when a schema named like the role is made later', async () => {
    const database = await roleDatabase();
    const { username, password } = await use(database.url);
    await database.run(`CREATE SCHEMA ${database.role} AUTHORIZATION ${database.role}`);
    const again = await startAppForTest({}, { databaseUrl: database.url });
    await again.http.post('/auth/login').send({ username, password }).expect(200);
    expect(await schemasOf(database)).toEqual(['public']);
  });

  it('db copy fills it', async () => {
    const embedded = createEmbeddedDatabase();
    onTestFinished(embedded.drop);
    const { username, password } = await use(embedded.url);
    const database = await roleDatabase();
    const url = withQuery(database.url, 'schema=auth');
    const cli = await createCli({ DATABASE_URL: url });
    onTestFinished(cli.remove);
    await cli.json(['db', 'copy', embedded.url.slice('pglite:'.length)]);
    expect(await schemasOf(database)).toEqual(['auth']);
    const app = await startAppForTest({}, { databaseUrl: url });
    await app.http.post('/auth/login').send({ username, password }).expect(200);
  });

  it('a search_path that leads nowhere ends the start with what to do', async () => {
    const database = await roleDatabase();
    await database.run(`ALTER ROLE ${database.role} SET search_path = nowhere`);
    await expect(startApp({}, { databaseUrl: database.url })).rejects.toThrow(/\?schema=<name>/);
  });
});
