import type { z } from 'zod';
import type { Db } from './db/database.js';

/** The user whose data is exported: by id alone, because an address or a name may be somebody else's. */
type ExportedUser = { id: string };

/** What one table holds about a user, for `GET /me/export`. */
export type PersonalData<Item extends z.ZodType = z.ZodType> = {
  table: string;
  schema: Item;
  read(db: Db, user: ExportedUser): Promise<z.input<Item>[]>;
};

export const maxExported = 100_000;

/** Checks at compile time that `read` returns what the schema says. */
export function personalData<Item extends z.ZodType>(entry: PersonalData<Item>): PersonalData<Item> {
  return entry;
}
