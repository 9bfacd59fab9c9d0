import DataLoader from 'dataloader';
import type { Db } from './database.js';

const mostKeys = 100;

/**
 * Looks rows up by a key. All look-ups of one turn of the event loop share a statement: under load, most of a look-up's
 * cost is sending it. Nothing is kept: each sees what was committed before it was asked.
 * @param load the rows of these keys, in any order; a key may be there twice
 */
export function createLookUp<Row>(
  load: (db: Db, keys: readonly string[]) => Promise<Row[]>,
  keyOf: (row: Row) => string,
): (db: Db, key: string) => Promise<Row | undefined> {
  const loaders = new WeakMap<Db, DataLoader<string, Row | undefined>>();
  const createLoader = (db: Db) =>
    new DataLoader<string, Row | undefined>(
      async (keys) => {
        const rows = new Map((await load(db, keys)).map((row) => [keyOf(row), row]));
        return keys.map((key) => rows.get(key));
      },
      { cache: false, maxBatchSize: mostKeys, batchScheduleFn: (send) => void setImmediate(send) },
    );
  return async (db, key) => {
    const loader = loaders.get(db) ?? createLoader(db);
    loaders.set(db, loader);
    return await loader.load(key);
  };
}
