import type { KeyObject } from 'node:crypto';
import { Prisma } from '../../generated/prisma/client.js';
import type { Db, Transaction } from '../../platform/db/database.js';
import { type ChainEnd, type ChainState, eventMac, originHash, sameMac } from './macs.js';
import { type ChainDeps, type ChainRow, eventColumns, readState } from './seal.js';

/**
 * What can be wrong at a position:
 * - `changed`: the event is not the one that was sealed there.
 * - `missing`: it is gone, and so are those up to `to`.
 * - `unproven`: it comes after a gap, and its MAC needs the one before.
 * - `added`: no batch has sealed it.
 * - `erased`: its address and user agent are gone before their time.
 * - `cut_off`: the head given was there, but the chain ends before it.
 * - `other_head`: where the head given was, is another event: the chain was made anew.
 * - `head_purged`: the head given is older than all that AUDIT_RETENTION has left, so nothing can be said of it.
 * - `state_changed`: the record of where the chain begins and ends is not what a server wrote.
 */
export type AuditProblemKind =
  | 'changed'
  | 'missing'
  | 'unproven'
  | 'added'
  | 'erased'
  | 'cut_off'
  | 'other_head'
  | 'head_purged'
  | 'state_changed';

export type AuditProblem = { kind: AuditProblemKind; position: number; to?: number; id?: string };

export type AuditVerdict = {
  /** How many sealed events were looked at. */
  events: number;
  /** Up to where AUDIT_RETENTION has purged. */
  anchor: ChainEnd;
  head: ChainEnd;
  /** In the order of discovery, a hundred at the most; none where the chain holds. */
  problems: AuditProblem[];
};

/** A sealed event, in which whoever can write the table may have put anything. */
export type SealedRow = ChainRow & Record<'mac' | 'salt' | 'origin', string | null> & { position: number };

const step = 1_000;
const mostProblems = 100;

/**
 * Goes through the whole chain, a thousand events at a time, while it may grow.
 * @param kept a head that was logged earlier, and kept where nobody reaches it who can write the database: without one
 * it goes unnoticed where events are cut off and the chain's state of that earlier moment is put back
 */
export async function verifyAudit(deps: Pick<ChainDeps, 'db' | 'auditKey'>, kept?: ChainEnd): Promise<AuditVerdict> {
  const { state, genuine } = await readState(deps.db, deps);
  const { anchor, head } = state;
  const problems: AuditProblem[] = genuine ? [] : [{ kind: 'state_changed', position: head.position }];
  if (kept) problems.push(...problemsOfBounds(kept, state));
  let events = 0;
  let last: Link = anchor;
  for await (const row of chain(deps.db, state)) {
    problems.push(...problemsOf(deps.auditKey(), row, last, state));
    if (row.position === kept?.position && !sameMac(row.mac, kept.mac))
      problems.push({ kind: 'other_head', position: row.position });
    last = row;
    events += 1;
    if (problems.length >= mostProblems) break;
  }
  if (problems.length < mostProblems) problems.push(...problemsOfEnd(last, head), ...(await strays(deps.db)));
  return { events, anchor, head, problems: (await withoutPurged(deps, anchor, problems)).slice(0, mostProblems) };
}

type Link = { position: number; mac: string | null };

/** Whether the event is the one that was sealed after the MAC before it. */
export function holds(key: KeyObject, previous: string | null, row: SealedRow): boolean {
  const { salt, origin, ip, userAgent } = row;
  if (previous === null || origin === null) return false;
  const originHolds =
    salt === null ? ip === null && userAgent === null : sameMac(origin, originHash(salt, ip, userAgent));
  return originHolds && sameMac(row.mac, eventMac(key, previous, row.position, origin, row));
}

/** The sealed events after a position, up to and with another. */
export async function sealedRows(db: Db | Transaction, after: number, upTo: number): Promise<SealedRow[]> {
  const rows = await db.$queryRaw<(Omit<SealedRow, 'position'> & { position: bigint })[]>`
    SELECT ${eventColumns}, position, encode(mac, 'hex') AS mac, encode(salt, 'hex') AS salt,
      encode(origin_hash, 'hex') AS origin
    FROM audit_event WHERE position > ${after} AND position <= ${upTo} ORDER BY position, id`;
  return rows.map((row) => ({ ...row, position: Number(row.position) }));
}

async function* chain(db: Db, { anchor, head }: ChainState): AsyncGenerator<SealedRow> {
  for (let after = anchor.position; after < head.position; after += step)
    yield* await sealedRows(db, after, Math.min(after + step, head.position));
}

function problemsOf(key: KeyObject, row: SealedRow, last: Link, { erasedBefore }: ChainState): AuditProblem[] {
  const { position, id } = row;
  if (position <= last.position) return [{ kind: 'added', position, id }];
  if (position > last.position + 1)
    return [
      { kind: 'missing', position: last.position + 1, to: position - 1 },
      { kind: 'unproven', position, id },
    ];
  if (!holds(key, last.mac, row)) return [{ kind: 'changed', position, id }];
  // Times are texts of one form here, which compare as they follow each other.
  const erasable = erasedBefore !== null && row.at < erasedBefore;
  return row.salt === null && !erasable ? [{ kind: 'erased', position, id }] : [];
}

function problemsOfEnd(last: Link, head: ChainEnd): AuditProblem[] {
  if (last.position < head.position) return [{ kind: 'missing', position: last.position + 1, to: head.position }];
  return sameMac(last.mac, head.mac) ? [] : [{ kind: 'changed', position: head.position }];
}

function problemsOfBounds({ position, mac }: ChainEnd, { anchor, head }: ChainState): AuditProblem[] {
  if (position > head.position) return [{ kind: 'cut_off', position: head.position + 1, to: position }];
  if (position < anchor.position) return [{ kind: 'head_purged', position }];
  return position === anchor.position && !sameMac(mac, anchor.mac) ? [{ kind: 'other_head', position }] : [];
}

/** Events with a position outside of the chain. One statement, so that a batch sealed meanwhile is within. */
async function strays(db: Db): Promise<AuditProblem[]> {
  const rows = await db.$queryRaw<{ id: string; position: bigint }[]>(Prisma.sql`
    SELECT e.id::text, e.position FROM audit_event e, audit_chain c
    WHERE c.id = 1 AND (e.position <= c.anchor_position OR e.position > c.head_position)
    ORDER BY e.position LIMIT ${mostProblems}`);
  return rows.map(({ id, position }) => ({ kind: 'added', position: Number(position), id }));
}

/** What was purged while we looked is not missing, and what follows it is not unproven. */
async function withoutPurged(deps: Pick<ChainDeps, 'db' | 'auditKey'>, before: ChainEnd, problems: AuditProblem[]) {
  if (problems.length === 0) return problems;
  const { state, genuine } = await readState(deps.db, deps);
  const { position } = state.anchor;
  if (!genuine || position === before.position) return problems;
  return problems.filter(
    ({ kind, ...at }) =>
      !(kind === 'missing' && (at.to ?? 0) <= position) && !(kind === 'unproven' && at.position === position + 1),
  );
}
