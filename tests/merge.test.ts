import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openCopy, root } from './copies/copy.js';
import { followGuide } from './copies/guide.js';

/** The first commit with a guide that this test can follow. */
const oldest = 'FIRST_COMMIT_WITH_THE_GUIDE';

it('a project that followed the guide at an older commit can merge this one without a conflict', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatelatch-merge-'));
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, encoding: 'utf8' });
  execFileSync('git', ['clone', '-q', root, folder]);
  const upstream = git('rev-parse', 'HEAD').trim();
  git('checkout', '-q', '-b', 'adopter', oldest);
  const copy = openCopy(folder);
  followGuide(copy);
  git('add', '--all', ':!node_modules');
  const identity = ['-c', 'user.name=An adopter', '-c', 'user.email=adopter@example.com'];
  git(...identity, 'commit', '-q', '-m', 'feat: notes');
  git(...identity, 'merge', '-q', '--no-edit', upstream);
  expect(git('status', '--porcelain', '--untracked-files=no')).toBe('');
  copy.run('npm', 'run', 'types');
}, 600_000);
