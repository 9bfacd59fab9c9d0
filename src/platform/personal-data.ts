import { NIL } from 'uuid';
import type { z } from 'zod';
import type { Db } from './db/database.js';

/** The user whose data is exported: by id alone, because an address or a name may be somebody else's. */
type ExportedUser = { id: string };

/** What one table holds about a user, for `GET /me/export`. */
export type PersonalData<Item extends z.ZodType = z.ZodType> = {
  table: string;
  schema: Item;
  /** All at once only where a user has few rows; else {@link inPages}. */
  read(db: Db, user: ExportedUser): AsyncIterable<z.input<Item>[]> | Promise<z.input<Item>[]>;
};

/** The most rows of a list that is read at once. */
export const maxExported = 100_000;

/** Checks at compile time that `read` returns what the schema says. */
export function personalData<Item extends z.ZodType>(entry: PersonalData<Item>): PersonalData<Item> {
  return entry;
}

// Few enough that making JSON of them holds up nobody.
const pageSize = 200;

type NextPage = { after: string; take: number };

/** A list, page by page, by ids that are UUIDs: so memory stays small, however long the list is. */
export async function* inPages<Row extends { id: string }, Item>(
  read: (page: NextPage) => Promise<Row[]>,
  toItem: (row: Row) => Item,
): AsyncGenerator<Item[]> {
  for (let after: string = NIL; ; ) {
    const rows = await read({ after, take: pageSize });
    yield rows.map(toItem);
    const last = rows.at(-1);
    if (!last || rows.length < pageSize) return;
    after = last.id;
  }
}
