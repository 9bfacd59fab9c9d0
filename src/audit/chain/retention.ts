import { setTimeout as sleep } from 'node:timers/promises';
import { Prisma } from '../../generated/prisma/client.js';
import type { Transaction } from '../../platform/db/database.js';
import type { ChainState } from './macs.js';
import { type ChainDeps, exactTime, sealAudit, withChain, writeState } from './seal.js';
import { holds, sealedRows } from './verify.js';

type RetentionDeps = ChainDeps & { config: { auditRetention: number } };

/** How many events were removed, and from how many others address and user agent were erased. */
export type Retained = { purged: number; erased: number };

// Small batches with a pause, so that other statements do not wait for the locks.
const batchSize = 250;
const pauseMs = 50;

/**
 * Removes events older than AUDIT_RETENTION from the beginning of the chain. A changed event stays, with all after it:
 * it is evidence, and a forged time must not get it purged. Old events that stay still lose address and user agent.
 * @throws Error if the state of the chain was tampered with
 */
export async function retainAudit(deps: RetentionDeps): Promise<Retained> {
  await sealAudit(deps);
  const purged = await inBatches(deps, (tx, state, cutoff) => purgeBatch(tx, deps, state, cutoff));
  const erased = await inBatches(deps, (tx, state, cutoff) => eraseBatch(tx, deps, state, cutoff));
  return { purged, erased };
}

type Batch = (tx: Transaction, state: ChainState, cutoff: string) => Promise<number>;

async function inBatches(deps: RetentionDeps, batch: Batch): Promise<number> {
  let done = 0;
  for (;;) {
    const count = await withChain(deps, async (tx, state) => batch(tx, state, await cutoffOf(tx, deps)));
    done += count ?? 0;
    if (count !== batchSize) return done;
    await sleep(pauseMs);
  }
}

async function cutoffOf(tx: Transaction, { config }: RetentionDeps): Promise<string> {
  const moment = Prisma.sql`(clock_timestamp() - make_interval(secs => ${config.auditRetention}))`;
  const [row] = await tx.$queryRaw<[{ cutoff: string }]>`SELECT ${exactTime(moment)} AS cutoff`;
  return row.cutoff;
}

async function purgeBatch(tx: Transaction, deps: RetentionDeps, state: ChainState, cutoff: string): Promise<number> {
  const key = deps.auditKey();
  const from = state.anchor.position;
  let { anchor } = state;
  for (const row of await sealedRows(tx, from, from + batchSize)) {
    if (row.at >= cutoff) break;
    if (row.mac === null || row.position !== anchor.position + 1 || !holds(key, anchor.mac, row)) {
      deps.log.error({ position: row.position }, 'the audit chain is broken here: nothing after it is purged');
      break;
    }
    anchor = { position: row.position, mac: row.mac };
  }
  if (anchor.position === from) return 0;
  const upTo = anchor.position;
  const count = await tx.$executeRaw`DELETE FROM audit_event WHERE position > ${from} AND position <= ${upTo}`;
  await writeState(tx, deps, { ...state, anchor });
  return count;
}

async function eraseBatch(tx: Transaction, deps: RetentionDeps, state: ChainState, cutoff: string): Promise<number> {
  const erased = await tx.$executeRaw`
    UPDATE audit_event SET ip = NULL, user_agent = NULL, salt = NULL WHERE id IN (
      SELECT id FROM audit_event WHERE at < ${cutoff}::timestamptz AND position IS NOT NULL
        AND (salt IS NOT NULL OR ip IS NOT NULL OR user_agent IS NOT NULL)
      ORDER BY at, id LIMIT ${batchSize})`;
  const erasedBefore = [state.erasedBefore ?? '', cutoff].sort().at(-1) ?? cutoff;
  if (erased > 0) await writeState(tx, deps, { ...state, erasedBefore });
  return erased;
}
