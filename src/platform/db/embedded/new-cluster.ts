import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { PGlite } from '@electric-sql/pglite';
import { MIGRATIONS_FOLDER } from '../migrations/folder.js';

/** Where the files of an empty database are, packed, as `initdb` of the installed PGlite makes them. */
export function clusterFile(): string {
  return join(dirname(MIGRATIONS_FOLDER), 'embedded', `pglite-${pgliteVersion()}.br`);
}

// The packed file begins with one line of JSON: each folder (without a size) and each file. The files' bytes follow.
type Entry = { path: string; size: number | undefined };

/**
 * Makes an empty database in a directory that does not exist yet. The files come from `clusterFile()`. Where there is
 * none for the installed PGlite, `initdb` makes the same files: that takes 20 times as long, and 400 MB of memory that
 * the process keeps.
 */
export async function makeCluster(dir: string): Promise<void> {
  const packed = clusterFile();
  if (existsSync(packed)) unpack(brotliDecompressSync(readFileSync(packed)), dir);
  else await initdb(dir);
}

/** Lets PGlite's own `initdb` make an empty database in `dir`. */
export async function initdb(dir: string): Promise<void> {
  const pglite = await PGlite.create({ dataDir: dir });
  await pglite.close();
}

/** Packs a database that is closed: what `clusterFile()` holds. */
export function packCluster(dir: string): Uint8Array {
  const paths = (readdirSync(dir, { recursive: true }) as string[]).sort();
  const contents = paths.map((path) =>
    statSync(join(dir, path)).isFile() ? readFileSync(join(dir, path)) : undefined,
  );
  const entries = paths.map((path, index): Entry => ({ path, size: contents[index]?.length }));
  const head = Buffer.from(`${JSON.stringify(entries)}\n`);
  return compress(Buffer.concat([head, ...contents.filter((content) => content !== undefined)]));
}

function unpack(bytes: Buffer, dir: string): void {
  let offset = bytes.indexOf('\n') + 1;
  mkdirSync(dir);
  for (const { path, size } of JSON.parse(bytes.toString('utf8', 0, offset)) as Entry[]) {
    if (size === undefined) mkdirSync(join(dir, path));
    else writeFileSync(join(dir, path), bytes.subarray(offset, offset + size));
    offset += size ?? 0;
  }
}

// The three databases of a cluster are nearly the same: the window must span them.
function compress(bytes: Buffer): Uint8Array {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants;
  const params = { [BROTLI_PARAM_QUALITY]: 9, [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return brotliCompressSync(bytes, { params });
}

function pgliteVersion(): string {
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  return JSON.parse(readFileSync(join(dirname(entry), '../package.json'), 'utf8')).version;
}
