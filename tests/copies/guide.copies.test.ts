import { expect, it } from 'vitest';
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

it('linter, types and all tests pass after following the guide exactly, including the new tests', () => {
  const copy = copyCheckout();
  copy.run('git', 'init', '-q');
  followGuide(copy);
  expect(copy.run('node', 'scripts/routes.mjs')).toMatch(/POST +\/notes +access-token/);
  copy.run('npm', 'run', 'lint');
  copy.run('npm', 'run', 'types');
  const output = copy.run('npx', 'vitest', 'run', ...suites);
  expect(output).toMatch(/tests\/own\/notes\/endpoints\.test\.ts/);
  expect(output).not.toMatch(/failed/);
  copy.run('npx', 'vitest', 'run', '--mode', 'long', 'tests/platform/db/migrations');
}, 900_000);
