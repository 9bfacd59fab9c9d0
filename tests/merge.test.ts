import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openCopy, root } from './copies/copy.js';
import { followGuide } from './copies/guide.js';

it('what the guide adds at the first commit that promises it merges with this one without a conflict, and compiles', () => {
  const copy = openCopy(mkdtempSync(join(tmpdir(), 'gatelatch-merge-')));
  execFileSync('git', ['clone', '-q', root, copy.path]);
  const upstream = copy.run('git', 'rev-parse', 'HEAD').trim();
  copy.run('git', 'checkout', '-q', '-b', 'adopter', firstWithGuide(copy.path));
  // The packages of that time, as an adopter had them.
  copy.run('npm', 'ci', '--no-audit', '--no-fund');
  followGuide(copy);
  const identity = ['-c', 'user.name=An adopter', '-c', 'user.email=adopter@example.com'];
  copy.run('git', 'add', '--all');
  copy.run('git', ...identity, 'commit', '-q', '-m', 'feat: notes');
  copy.run('git', ...identity, 'merge', '-q', '--no-edit', upstream);
  expect(copy.run('git', 'status', '--porcelain')).toBe('');
  copy.run('npm', 'ci', '--no-audit', '--no-fund');
  copy.run('npm', 'run', 'generate');
  copy.run('npm', 'run', 'types');
}, 900_000);

/** The first commit whose guide promises this: before it, git did not know which files are made from the code. */
function firstWithGuide(cwd: string): string {
  const mark = 'a test merges it with each new version';
  const log = ['log', '--reverse', '--format=%H', `-S${mark}`, '--', 'docs/your-own-routes.md'];
  const [first] = execFileSync('git', log, { cwd, encoding: 'utf8' }).trim().split('\n');
  if (!first) throw new Error('This clone has no history from which an adopter could have begun.');
  return first;
}
