import {
  closeSync,
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { brotliCompressSync, constants, createBrotliDecompress } from 'node:zlib';
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
  mkdirSync(dir, { mode: 0o700 });
  if (existsSync(packed)) await unpack(packed, dir);
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

// In pieces: 40 MB at once would be kept by the process, although nothing uses them any more.
async function unpack(packed: string, dir: string): Promise<void> {
  const take = reader(createReadStream(packed).pipe(createBrotliDecompress({ chunkSize: 256 * 1024 })));
  let head = '';
  while (!head.endsWith('\n')) head += await take(1);
  for (const { path, size } of JSON.parse(head) as Entry[]) {
    if (size === undefined) mkdirSync(join(dir, path));
    else await writePieces(join(dir, path), size, take);
  }
}

/** Gives at most so many of the next bytes. @throws at the end. */
type Take = (most: number) => Promise<Buffer>;

function reader(stream: AsyncIterable<Buffer>): Take {
  const chunks = stream[Symbol.asyncIterator]();
  let rest = Buffer.alloc(0);
  return async (most) => {
    if (rest.length === 0) rest = (await chunks.next()).value;
    const piece = rest.subarray(0, most);
    rest = rest.subarray(most);
    return piece;
  };
}

async function writePieces(path: string, size: number, take: Take): Promise<void> {
  const file = openSync(path, 'w');
  for (let left = size; left > 0; ) {
    const piece = await take(left);
    writeSync(file, piece);
    left -= piece.length;
  }
  closeSync(file);
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
