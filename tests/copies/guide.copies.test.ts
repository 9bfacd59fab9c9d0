import { expect, it } from 'vitest';
import { copyCheckout } from './copy.js';
import { followGuide } from './guide.js';

// What a row takes part in by itself, and what would be stale if it did not.
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

it('after following the guide letter by letter, linter, types and tests are green, the new ones too', () => {
  const copy = copyCheckout();
  copy.run('git', 'init', '-q');
  followGuide(copy);
  expect(copy.run('node', 'scripts/routes.mjs')).toMatch(/POST +\/notes +access-token/);
  copy.run('npm', 'run', 'lint');
  copy.run('npm', 'run', 'types');
  const output = copy.run('npx', 'vitest', 'run', ...suites);
  expect(output).toMatch(/tests\/own\/notes\/endpoints\.test\.ts/);
  expect(output).not.toMatch(/failed/);
}, 900_000);
