import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const asks = /inject\('templates'\)|TEST_DATABASE_URL/;
const imported = /\b(?:from|import\() ?'(\.[^']+)\.js'/g;

/** Whether a test, or a module of tests/ that it imports, takes a database of the kind that the run is for. */
export function opensDatabase(file: string, seen = new Set<string>()): boolean {
  if (seen.has(file) || !existsSync(file) || !file.startsWith('tests/')) return false;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  if (asks.test(text)) return true;
  return [...text.matchAll(imported)].some(([, path]) => opensDatabase(join(dirname(file), `${path}.ts`), seen));
}
