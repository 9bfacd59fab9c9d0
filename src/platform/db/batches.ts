import { setTimeout as sleep } from 'node:timers/promises';
import type { Prisma } from '../../generated/prisma/client.js';
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

async function oneBatch(db: Db, statement: Prisma.Sql): Promise<number | undefined> {
  return db.$transaction(async (tx) => {
    const [lock] = await tx.$queryRaw<{ held: boolean }[]>`SELECT pg_try_advisory_xact_lock(${locks.purge}) AS held`;
    return lock?.held ? tx.$executeRaw(statement) : undefined;
  });
}
