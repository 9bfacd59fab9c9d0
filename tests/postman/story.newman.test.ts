import newman, { type NewmanRunSummary } from 'newman';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Instance, startInstance } from '../support/instance.js';
import { createEmbeddedDatabase, createServerDatabase, type TestDatabase } from '../support/test-database.js';
import { collection, environment, items } from './postman-files.js';

const environmentValue = (name: string) => environment.values.find(({ key }) => key === name)?.value ?? '';

describe.each([
  ['PGlite', createEmbeddedDatabase],
  ['Postgres', createServerDatabase],
])('The Postman collection on a fresh server with %s', (_, createDatabase) => {
  let database: TestDatabase;
  let instance: Instance;

  beforeAll(async () => {
    database = await createDatabase();
    instance = await startInstance(database.url, {
      // As for a new user.
      RATE_LIMIT: 'on',
      ADMIN_USERNAME: environmentValue('admin_username'),
      ADMIN_PASSWORD: environmentValue('admin_password'),
    });
  }, 60_000);

  afterAll(async () => {
    await instance?.stop();
    await database?.drop();
  });

  describe.each(['once', 'twice'])('sent from top to bottom %s', () => {
    let summary: NewmanRunSummary;

    beforeAll(async () => {
      summary = await send(instance.url);
    }, 120_000);

    it.each(items.map(({ title, id }) => [title, id]))('%s', (_, id) => {
      const failures = summary.run.failures.filter(({ source }) => source?.id === id);
      expect(failures.map(({ error }) => `${error.test ?? error.name}: ${error.message}`)).toEqual([]);
      // A request of a script counts as another execution, without tests.
      const executions = summary.run.executions.filter(({ item }) => item.id === id);
      expect(executions.flatMap(({ assertions }) => assertions ?? []).length).toBeGreaterThan(3);
    });

    it('has no other failures', () => {
      expect(summary.run.failures).toEqual([]);
    });
  });
});

it('On a server without an admin, the rest of the administration is skipped, which says why, and nothing fails', async () => {
  const database = await createEmbeddedDatabase();
  const instance = await startInstance(database.url, { RATE_LIMIT: 'on' });
  onTestFinished(async () => {
    await instance.stop();
    await database.drop();
  });
  const { run } = await send(instance.url);
  expect(run.failures.map(({ error, source }) => `${source?.name}: ${error.message}`)).toEqual([]);
  const sent = new Set(run.executions.filter(({ response }) => response).map(({ item }) => item.id));
  const left = items.filter(({ id }) => !sent.has(id)).map(({ title }) => title);
  expect(left.length).toBeGreaterThan(10);
  for (const title of left) expect(title).toMatch(/^Administration \//);
  const skipped = run.executions.flatMap(({ assertions }) => assertions ?? []).filter(({ skipped }) => skipped);
  // A request of a script counts as another execution.
  expect([...new Set(skipped.map(({ assertion }) => assertion))]).toEqual([expect.stringContaining('ADMIN_USERNAME')]);
}, 180_000);

function send(baseUrl: string): Promise<NewmanRunSummary> {
  return new Promise((resolve, reject) => {
    const envVar = [{ key: 'baseUrl', value: baseUrl }];
    newman.run({ collection, environment, envVar, reporters: [] }, (error, summary) =>
      error ? reject(error) : resolve(summary),
    );
  });
}
