import { Prisma } from '../../generated/prisma/client.js';
import { deleteInBatches } from '../db/batches.js';
import type { Db } from '../db/database.js';

/** Removes counts whose window has ended, to free space. @returns how many; undefined if another instance is purging */
export async function purgeLimits({ db }: { db: Db }): Promise<number | undefined> {
  // A minute late: the instances' clocks set the end of a window, and may differ from the database's.
  const over = Prisma.sql`expire < extract(epoch FROM clock_timestamp() - interval '1 minute') * 1000`;
  return deleteInBatches(db, 'rate_limit', over);
}
