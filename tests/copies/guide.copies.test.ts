import { expect, it } from 'vitest';
import { startServer } from '../docs/page-server.js';
import { blocksOf } from '../docs/pages.js';
import { runSteps } from '../docs/run-page.js';
import { copyCheckout } from './copy.js';
import { followGuide } from './guide.js';

// The tests that cover a new row without being changed.
const suites = [
  'tests/own',
  'tests/me/export.test.ts',
  'tests/routes.test.ts',
  'tests/contract.test.ts',
  'tests/architecture.test.ts',
  'tests/statement-counts.test.ts',
  'tests/docs/endpoints.test.ts',
  'tests/docs/reference.test.ts',
  'tests/client/package.test.ts',
  'tests/platform/db/migrations',
];

it('linter, types and all tests pass after following the guide exactly, including the new tests', async () => {
  const copy = copyCheckout();
  copy.run('git', 'init', '-q');
  followGuide(copy);
  expect(copy.run('node', 'scripts/routes.mjs')).toMatch(/POST +\/notes +access-token/);
  copy.run('npm', 'run', 'lint');
  copy.run('npm', 'run', 'types');

  const blocks = blocksOf(copy.read('docs/your-own-routes.md'));
  const place = blocks.findIndex(({ text }) => /^curl /m.test(text));
  const printed = blocks[place + 1]?.text ?? '';
  const server = await startServer(copy.path);
  const [outcome] = await runSteps(
    blocks.slice(place, place + 1).map((block) => ({ ...block, printed })),
    server,
  );
  await server.stop();
  expect(outcome?.statuses).toEqual([201, 201, 200]);
  expect(outcome?.stdout.trim().replaceAll(/"(id|created_at)":"[^"]*"/g, '"$1":"…"')).toBe(printed.trim());

  const output = copy.run('npx', 'vitest', 'run', ...suites);
  expect(output).toMatch(/tests\/own\/notes\/endpoints\.test\.ts/);
  expect(output).not.toMatch(/\d failed/);
  copy.run('npx', 'vitest', 'run', '--mode', 'long', 'tests/platform/db/migrations');
}, 900_000);
