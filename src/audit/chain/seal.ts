import { type KeyObject, randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { Prisma } from '../../generated/prisma/client.js';
import type { Db, Transaction } from '../../platform/db/database.js';
import { locks } from '../../platform/db/locks.js';
import { countedActions, countingWindow } from '../counted-events.js';
import { type ChainState, chainStart, type EventFacts, eventMac, originHash, sameMac, stateMac } from './macs.js';

export type ChainDeps = {
  db: Db;
  auditKey(): KeyObject;
  log: Logger;
};

export type ChainRow = EventFacts & { ip: string | null; userAgent: string | null };

// About 20 ms a transaction: on an embedded database all other statements wait for it.
const batchSize = 250;

/**
 * Seals new events: each gets a position and a MAC over itself and the MAC before it. Writers never wait for this;
 * events committed late are sealed later. Each batch logs the head of the chain: a copy kept elsewhere reveals a chain
 * that was cut off or rebuilt.
 * @returns how many; undefined if another instance is sealing
 * @throws Error if the state of the chain was tampered with
 */
export async function sealAudit(deps: ChainDeps): Promise<number | undefined> {
  let sealed = 0;
  for (;;) {
    const count = await withChain(deps, (tx, state) => sealBatch(tx, deps, state));
    if (count === undefined) return sealed === 0 ? undefined : sealed;
    sealed += count;
    if (count < batchSize) return sealed;
  }
}

async function sealBatch(tx: Transaction, deps: ChainDeps, state: ChainState): Promise<number> {
  const rows = await tx.$queryRaw<ChainRow[]>`
    SELECT ${eventColumns} FROM audit_event WHERE position IS NULL AND NOT (
      action IN (${Prisma.join(countedActions)}) AND at > clock_timestamp() - make_interval(secs => ${countingWindow + 60}))
    ORDER BY at, id LIMIT ${batchSize}`;
  if (rows.length === 0) return 0;
  const key = deps.auditKey();
  let { head } = state;
  const sealed = rows.map((row) => {
    const salt = randomBytes(16).toString('hex');
    const origin = originHash(salt, row.ip, row.userAgent);
    const position = head.position + 1;
    head = { position, mac: eventMac(key, head.mac, position, origin, row) };
    return { id: row.id, ...head, salt, origin };
  });
  const count = await tx.$executeRaw`
    UPDATE audit_event e SET position = sealed.position, mac = decode(sealed.mac, 'hex'),
      salt = decode(sealed.salt, 'hex'), origin_hash = decode(sealed.origin, 'hex')
    FROM jsonb_to_recordset(${JSON.stringify(sealed)}::jsonb)
      AS sealed(id uuid, position bigint, mac text, salt text, origin text)
    WHERE e.id = sealed.id AND e.position IS NULL`;
  if (count !== rows.length) throw new Error('Audit events changed while they were sealed');
  await writeState(tx, deps, { ...state, head });
  deps.log.info({ head: `${head.position}:${head.mac}`, events: count }, 'audit events sealed');
  return count;
}

/**
 * Runs `work` in a transaction, in one instance at a time (else undefined).
 * @throws Error if the state was tampered with
 */
export async function withChain<Result>(
  deps: ChainDeps,
  work: (tx: Transaction, state: ChainState) => Promise<Result>,
): Promise<Result | undefined> {
  return deps.db.$transaction(async (tx) => {
    const [lock] = await tx.$queryRaw<
      { held: boolean }[]
    >`SELECT pg_try_advisory_xact_lock(${locks.auditChain}) AS held`;
    if (!lock?.held) return undefined;
    const { state, genuine } = await readState(tx, deps);
    if (!genuine) throw new Error('The state of the audit chain was changed; see "audit verify"');
    return work(tx, state);
  });
}

/** Where the chain begins and ends, and whether a server wrote that. A chain begins with its key, so it has a state. */
export async function readState(
  db: Db | Transaction,
  { auditKey }: Pick<ChainDeps, 'auditKey'>,
): Promise<{ state: ChainState; genuine: boolean }> {
  type Row = Record<'anchorMac' | 'headMac' | 'proof', string> &
    Record<'anchorPosition' | 'headPosition', bigint> & { erasedBefore: string | null };
  const [row] = await db.$queryRaw<Row[]>`
    SELECT anchor_position AS "anchorPosition", encode(anchor_mac, 'hex') AS "anchorMac",
      head_position AS "headPosition", encode(head_mac, 'hex') AS "headMac",
      ${exactTime(Prisma.sql`erased_before`)} AS "erasedBefore", encode(proof, 'hex') AS proof
    FROM audit_chain WHERE id = 1`;
  if (!row) return { state: { anchor: chainStart, head: chainStart, erasedBefore: null }, genuine: false };
  const state = {
    anchor: { position: Number(row.anchorPosition), mac: row.anchorMac },
    head: { position: Number(row.headPosition), mac: row.headMac },
    erasedBefore: row.erasedBefore,
  };
  return { state, genuine: sameMac(row.proof, stateMac(auditKey(), state)) };
}

export async function writeState(
  tx: Transaction,
  { auditKey }: Pick<ChainDeps, 'auditKey'>,
  state: ChainState,
): Promise<void> {
  const { anchor, head, erasedBefore } = state;
  const bytes = (hex: string) => Prisma.sql`decode(${hex}, 'hex')`;
  await tx.$executeRaw`
    INSERT INTO audit_chain (id, anchor_position, anchor_mac, head_position, head_mac, erased_before, proof)
    VALUES (1, ${anchor.position}, ${bytes(anchor.mac)}, ${head.position}, ${bytes(head.mac)},
      ${erasedBefore}::timestamptz, ${bytes(stateMac(auditKey(), state))})
    ON CONFLICT (id) DO UPDATE SET (anchor_position, anchor_mac, head_position, head_mac, erased_before, proof) =
      (EXCLUDED.anchor_position, EXCLUDED.anchor_mac, EXCLUDED.head_position, EXCLUDED.head_mac,
        EXCLUDED.erased_before, EXCLUDED.proof)`;
}

/** A time as text with microseconds, which a Date would lose. */
export function exactTime(time: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

export const eventColumns = Prisma.sql`id::text, ${exactTime(Prisma.sql`at`)} AS at, action, user_id::text AS "userId",
  actor_id::text AS "actorId", detail::text AS detail, ip, user_agent AS "userAgent"`;
