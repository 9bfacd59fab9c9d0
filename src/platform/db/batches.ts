import { setTimeout as sleep } from 'node:timers/promises';
import { Prisma } from '../../generated/prisma/client.js';
import type { Db } from './database.js';
import { locks } from './locks.js';

/** Rows per batch: few enough that other statements do not wait long for the locks. */
export const batchSize = 1_000;

// Leaves the database to others between two batches.
const pauseMs = 50;

/** Runs a DELETE of {@link batchSize} rows until none is left. @returns undefined if another instance is purging */
export async function inBatches(db: Db, statement: Prisma.Sql): Promise<number | undefined> {
  let removed = 0;
  for (;;) {
    const count = await oneBatch(db, statement);
    if (count === undefined) return removed || undefined;
    removed += count;
    if (count < batchSize) return removed;
    await sleep(pauseMs);
  }
}

/** Deletes the rows of a table that a condition holds for, in batches. @returns as {@link inBatches} */
export async function deleteInBatches(db: Db, name: string, isOver: Prisma.Sql): Promise<number | undefined> {
  const table = Prisma.raw(`"${name}"`);
  return inBatches(
    db,
    Prisma.sql`DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM ${table} WHERE ${isOver} LIMIT ${batchSize} FOR UPDATE SKIP LOCKED)) AND ${isOver}`,
  );
}

async function oneBatch(db: Db, statement: Prisma.Sql): Promise<number | undefined> {
  return db.$transaction(async (tx) => {
    const [lock] = await tx.$queryRaw<{ held: boolean }[]>`SELECT pg_try_advisory_xact_lock(${locks.purge}) AS held`;
    return lock?.held ? tx.$executeRaw(statement) : undefined;
  });
}
