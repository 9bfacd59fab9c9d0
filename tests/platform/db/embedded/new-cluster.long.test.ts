import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { clusterFile, initdb, makeCluster } from '../../../../src/platform/db/embedded/new-cluster.js';

const work = mkdtempSync(join(tmpdir(), 'gatelatch-cluster-'));
afterAll(() => rmSync(work, { recursive: true }));

// The only two files that hold the moment of `initdb` and a number made of it.
const DIFFERENT = ['global/pg_control', 'pg_wal/000000010000000000000001'];

it('has the files of an empty database for the installed PGlite (else: npm run db:cluster)', () => {
  expect(existsSync(clusterFile())).toBe(true);
});

it('makes byte for byte what initdb makes, but for its date', { timeout: 120_000 }, async () => {
  const [unpacked, made] = [join(work, 'unpacked'), join(work, 'made')];
  await makeCluster(unpacked);
  await initdb(made);
  const paths = pathsOf(made);
  expect(pathsOf(unpacked)).toEqual(paths);
  expect(paths.filter((path) => !isSame(join(unpacked, path), join(made, path)))).toEqual(DIFFERENT);
});

function pathsOf(dir: string): string[] {
  return (readdirSync(dir, { recursive: true }) as string[]).sort();
}

function isSame(one: string, other: string): boolean {
  if (statSync(one).isDirectory()) return statSync(other).isDirectory();
  return readFileSync(one).equals(readFileSync(other));
}
