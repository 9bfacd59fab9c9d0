import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A temporary copy of this checkout, where files can be changed and commands run. */
export type Copy = {
  path: string;
  read(file: string): string;
  write(file: string, text: string): void;
  remove(path: string): void;
  /** Runs a command. @throws with all of its output if it fails */
  run(command: string, ...args: string[]): string;
};

// They carry the mark of the sources that they were made from, so the copy makes anew what no longer fits.
const made = ['src/generated', 'client/dist', 'playground/dist'];

/**
 * Copies all tracked and untracked files that git does not ignore, with this checkout's packages and with what it has
 * made of its sources, except the server, until the test ends.
 */
export function copyCheckout(): Copy {
  const copy = openCopy(mkdtempSync(join(tmpdir(), 'gatelatch-copy-')));
  linkPackages(copy);
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  for (const file of execFileSync('git', list, { cwd: root, encoding: 'utf8' }).trim().split('\n')) {
    mkdirSync(dirname(join(copy.path, file)), { recursive: true });
    cpSync(join(root, file), join(copy.path, file), { force: true });
  }
  for (const folder of made.filter((folder) => existsSync(join(root, folder))))
    cpSync(join(root, folder), join(copy.path, folder), { recursive: true });
  return copy;
}

/**
 * What `npm start` and `npm run dev` need to build, with another server in the place of ours.
 * @returns the folder
 */
export function copyBuild(server: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'gatelatch-build-'));
  const built = ['scripts', 'prisma', 'client/tsconfig.json', 'client/src', 'playground'];
  const isSource = (path: string) => basename(path) !== 'dist';
  for (const file of ['package.json', 'package-lock.json', 'tsconfig.json', 'prisma.config.ts', ...built])
    cpSync(join(root, file), join(copy, file), { recursive: true, filter: isSource });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  mkdirSync(join(copy, 'src'));
  writeFileSync(join(copy, 'src/main.ts'), server);
  return copy;
}

/** A folder as a {@link Copy}; gone when the test ends. */
export function openCopy(path: string): Copy {
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    read: (file) => readFileSync(join(path, file), 'utf8'),
    write(file, text) {
      mkdirSync(dirname(join(path, file)), { recursive: true });
      writeFileSync(join(path, file), text);
    },
    remove: (file) => rmSync(join(path, file), { recursive: true }),
    run(command, ...args) {
      const { stdout, stderr, status } = spawnSync(command, args, { cwd: path, encoding: 'utf8', env: environment() });
      if (status !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${status}:\n${stdout}\n${stderr}`);
      return stdout;
    },
  };
}

/** Gives a copy the packages of this checkout instead of any that it has. */
export function linkPackages({ path }: Copy): void {
  for (const folder of ['.', 'client', 'verify']) {
    const packages = join(folder, 'node_modules');
    if (!existsSync(join(root, packages))) continue;
    mkdirSync(dirname(join(path, packages)), { recursive: true });
    rmSync(join(path, packages), { recursive: true, force: true });
    symlinkSync(join(root, packages), join(path, packages));
  }
}

// Vitest's own variables would make a Vitest within it take itself for a worker.
function environment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|TEST_DATABASE_URL|NODE_ENV|DATABASE_URL)/.test(name),
  );
  return { ...Object.fromEntries(inherited), NO_COLOR: '1' };
}
