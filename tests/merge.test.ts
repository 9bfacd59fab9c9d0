import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Copy, linkPackages, openCopy, root } from './copies/copy.js';
import { followGuide } from './copies/guide.js';

it('what the guide adds at the first commit that promises it merges with this one without a conflict, and compiles', () => {
  const copy = openCopy(mkdtempSync(join(tmpdir(), 'gatelatch-merge-')));
  execFileSync('git', ['clone', '-q', root, copy.path]);
  const upstream = copy.run('git', 'rev-parse', 'HEAD').trim();
  copy.run('git', 'checkout', '-q', '-b', 'adopter', firstWithGuide(copy.path));
  install(copy);
  followGuide(copy);
  const identity = ['-c', 'user.name=An adopter', '-c', 'user.email=adopter@example.com'];
  copy.run('git', 'add', '--all');
  copy.run('git', ...identity, 'commit', '-q', '-m', 'feat: notes');
  copy.run('git', ...identity, 'merge', '-q', '--no-edit', upstream);
  expect(copy.run('git', 'status', '--porcelain')).toBe('');
  install(copy);
  copy.run('npm', 'run', 'generate');
  copy.run('npm', 'run', 'types');
}, 900_000);

/** Installs the packages that the copy's lock file names: those of this checkout, where they are the same. */
function install(copy: Copy): void {
  if (copy.read('package-lock.json') !== readFileSync(join(root, 'package-lock.json'), 'utf8'))
    copy.run('npm', 'ci', '--no-audit', '--no-fund');
  else linkPackages(copy);
  // As links they are no folders, which .gitignore names.
  copy.write('.git/info/exclude', 'node_modules\n');
}

/** The first commit whose guide promises this: before it, git did not know which files are made from the code. */
function firstWithGuide(cwd: string): string {
  const mark = 'a test merges it with each new version';
  const log = ['log', '--reverse', '--format=%H', `-S${mark}`, '--', 'docs/your-own-routes.md'];
  const [first] = execFileSync('git', log, { cwd, encoding: 'utf8' }).trim().split('\n');
  if (!first) throw new Error('This clone has no history from which an adopter could have begun.');
  return first;
}
