import type { KeyObject } from 'node:crypto';
import { Prisma } from '../../generated/prisma/client.js';
import type { Db, Transaction } from '../../platform/db/database.js';
import { type ChainEnd, type ChainState, eventMac, originHash, sameMac } from './macs.js';
import { type ChainDeps, type ChainRow, eventColumns, readState } from './seal.js';

/**
 * What can be wrong at a position:
 * - `changed`: the event is not the one that was sealed here.
 * - `missing`: the events from here up to `to` are gone.
 * - `unproven`: the event follows a gap, and its MAC needs the one before.
 * - `added`: the event was never sealed.
 * - `erased`: address and user agent are gone too early.
 * - `cut_off`: the chain ends before the given head.
 * - `other_head`: another event stands where the given head was: the chain was rebuilt.
 * - `head_purged`: the given head is older than AUDIT_RETENTION, so it proves nothing.
 * - `state_changed`: the recorded beginning and end were not written by a server.
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

type AuditVerdict = {
  events: number;
  /** AUDIT_RETENTION has purged up to here. */
  anchor: ChainEnd;
  head: ChainEnd;
  /** In order of discovery, at most a hundred. */
  problems: AuditProblem[];
};

/** A sealed event. An attacker who can write the table may have put anything in it. */
type SealedRow = ChainRow & Record<'mac' | 'salt' | 'origin', string | null> & { position: number };

const step = 1_000;
const maxProblems = 100;

/**
 * Checks the whole chain while it may grow.
 * @param kept a head from the log, kept out of reach of the database's writers: without it, an attacker can cut events
 * off unnoticed by restoring an older state
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
    if (problems.length >= maxProblems) break;
  }
  if (problems.length < maxProblems) problems.push(...problemsOfEnd(last, head), ...(await strays(deps.db)));
  return { events, anchor, head, problems: (await withoutPurged(deps, anchor, problems)).slice(0, maxProblems) };
}

type Link = { position: number; mac: string | null };

export function holds(key: KeyObject, previous: string | null, row: SealedRow): boolean {
  const { salt, origin, ip, userAgent } = row;
  if (previous === null || origin === null) return false;
  const originHolds =
    salt === null ? ip === null && userAgent === null : sameMac(origin, originHash(salt, ip, userAgent));
  return originHolds && sameMac(row.mac, eventMac(key, previous, row.position, origin, row));
}

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
  // Times are texts in one format, so comparing the texts compares the times.
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

/** Events with a position outside of the chain. One statement, so that a batch sealed meanwhile counts as inside. */
async function strays(db: Db): Promise<AuditProblem[]> {
  const rows = await db.$queryRaw<{ id: string; position: bigint }[]>(Prisma.sql`
    SELECT e.id::text, e.position FROM audit_event e, audit_chain c
    WHERE c.id = 1 AND (e.position <= c.anchor_position OR e.position > c.head_position)
    ORDER BY e.position LIMIT ${maxProblems}`);
  return rows.map(({ id, position }) => ({ kind: 'added', position: Number(position), id }));
}

/** Events purged during the check are not missing, and the event after them is not unproven. */
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
