import type { Transaction } from '../../platform/db/database.js';
import { locks } from '../../platform/db/locks.js';
import { chainStart } from './macs.js';
import { type ChainDeps, writeState } from './seal.js';

const firstState = { anchor: chainStart, head: chainStart, erasedBefore: null };

/** Writes the state of an empty chain, unless a chain has begun: from then on, a missing state means that it was removed. */
export async function beginChain(tx: Transaction, deps: Pick<ChainDeps, 'auditKey'>): Promise<void> {
  await lockChain(tx);
  const begun = await tx.$queryRaw<unknown[]>`
    SELECT FROM audit_chain UNION ALL (SELECT FROM audit_event WHERE position IS NOT NULL LIMIT 1)`;
  if (begun.length === 0) await writeState(tx, deps, firstState);
}

// Few enough that other statements do not wait long for the locks.
const batchSize = 1_000;

/**
 * Begins the chain anew over all events as they are now. Until the end nothing is sealed, so if it is cut it can be done
 * again.
 * @returns how many events are to be sealed anew
 */
export async function beginChainAnew({ db, auditKey }: Pick<ChainDeps, 'db' | 'auditKey'>): Promise<number> {
  await db.$transaction(async (tx) => {
    await lockChain(tx);
    await tx.$executeRaw`DELETE FROM audit_chain`;
  });
  let unsealed = 0;
  for (let count = batchSize; count === batchSize; unsealed += count)
    count = await db.$executeRaw`
      UPDATE audit_event SET position = NULL, mac = NULL, salt = NULL, origin_hash = NULL
      WHERE id IN (SELECT id FROM audit_event WHERE position IS NOT NULL LIMIT ${batchSize})`;
  await db.$transaction(async (tx) => {
    await lockChain(tx);
    await writeState(tx, { auditKey }, firstState);
  });
  return unsealed;
}

async function lockChain(tx: Transaction): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${locks.auditChain})`;
}
