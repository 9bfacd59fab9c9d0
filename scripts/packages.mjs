// node scripts/packages.mjs <folder> …: installs the packages that only some commands need, unless they are there.
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

for (const folder of process.argv.slice(2)) {
  const lock = join(root, folder, 'package-lock.json');
  const installed = join(root, folder, 'node_modules/.gatelatch-lock');
  if (textOf(installed) === readFileSync(lock, 'utf8')) continue;
  console.error(`Installing what only this command needs (${folder}) …`);
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--prefix', folder], {
    cwd: root,
    // Not on standard output, which may be a command's result.
    stdio: ['ignore', 2, 2],
    // On Windows npm is a script.
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
  copyFileSync(lock, installed);
}

function textOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
