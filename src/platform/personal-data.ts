import type { z } from 'zod';
import type { Db } from './db/database.js';

/** The user whose data is exported: who asks for mail without being signed in is known by their address alone. */
export type DataOwner = { id: string; addresses: string[] };

/** What one table holds about a user, for `GET /me/export`. */
export type PersonalData<Item extends z.ZodType = z.ZodType> = {
  /** As the database calls it. */
  table: string;
  schema: Item;
  read(db: Db, owner: DataOwner): Promise<z.input<Item>[]>;
};

/** The most rows of one kind; more than any person has. */
export const maxExported = 100_000;

/** Types one entry of the export: what it reads must be what its schema says. */
export function personalData<Item extends z.ZodType>(entry: PersonalData<Item>): PersonalData<Item> {
  return entry;
}
