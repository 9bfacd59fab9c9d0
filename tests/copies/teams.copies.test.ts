import { expect, it } from 'vitest';
import { copyCheckout } from './copy.js';
import { followPage } from './guide.js';

// The tests that cover a new row and table without being changed.
const suites = [
  'tests/own/teams',
  'tests/me/export.test.ts',
  'tests/routes.test.ts',
  'tests/contract.test.ts',
  'tests/architecture.test.ts',
  'tests/docs/reference.test.ts',
];

it('after docs/teams.md, linter, types and tests pass, and there are teams', async () => {
  const copy = copyCheckout();
  copy.run('git', 'init', '-q');
  followPage(copy, 'docs/teams.md');
  copy.run('npm', 'run', 'lint');
  copy.run('npm', 'run', 'generate');
  copy.run('npm', 'run', 'types');
  const output = copy.run('npx', 'vitest', 'run', ...suites);
  expect(output).toMatch(/tests\/own\/teams\/teams\.test\.ts/);
  expect(output).not.toMatch(/\d failed/);
}, 600_000);
