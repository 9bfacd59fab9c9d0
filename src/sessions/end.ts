import { NIL } from 'uuid';
import { type Actor, type AuditAction, auditEvent } from '../audit/events.js';
import { Prisma } from '../generated/prisma/client.js';
import { longestAccessTtl } from '../keys/signing-keys.js';
import { channel } from '../platform/db/channel.js';
import type { Db, Transaction } from '../platform/db/database.js';
import type { Wake } from '../platform/queue/wake.js';
import { lockUser } from '../users/users.js';
import type { Revocation, Revocations } from './revocations.js';

export type EndReason =
  | 'logout'
  | 'logout_all'
  | 'ended_by_user'
  | 'ended_by_operator'
  | 'ended_by_admin'
  | 'session_limit'
  | 'refresh_token_reused'
  | 'password_changed'
  | 'password_reset'
  | 'password_removed'
  | 'second_factor_changed'
  | 'second_factor_reset'
  | 'identity_unlinked'
  | 'external_code_reused'
  | 'revoked'
  | 'user_disabled'
  | 'user_deleted';

type EndingDeps = { db: Db; revocations: Revocations };

export type ChangeDeps = EndingDeps & { outboxWake?: Wake };

/**
 * Ends the sessions that match a condition. One statement, so that all of it happens or none: rows, revocations,
 * notification and audit.
 * @param which a condition on `session`
 * @returns what to remember after the commit
 */
export async function endSessions(
  db: Db | Transaction,
  which: Prisma.Sql,
  reason: EndReason,
  actor: Actor,
  action: AuditAction = 'session.ended',
): Promise<Revocation[]> {
  const theOne =
    action === 'refresh.reused' ? Prisma.sql`|| jsonb_build_object('session_id', min(id::text))` : Prisma.empty;
  const recorded = auditEvent(
    action,
    Prisma.sql`CASE WHEN count(DISTINCT user_id) = 1 THEN min(user_id::text) END`,
    actor,
    Prisma.sql`jsonb_build_object('reason', ${reason}::text, 'sessions',
      CASE WHEN count(*) <= 100 THEN jsonb_agg(id) ELSE to_jsonb(count(*)) END) ${theOne}`,
    Prisma.sql`FROM ended HAVING count(*) > 0`,
  );
  const ended = await db.$queryRaw<{ userId: string; sessionId: string; keepUntil: Date }[]>`
    WITH ended AS (
      UPDATE session SET ended_at = clock_timestamp(), end_reason = ${reason}
      WHERE ended_at IS NULL AND (${which})
        -- A session that was waited for can be ahead of the user as this statement sees them.
        AND EXISTS (SELECT FROM "user" u WHERE u.id = session.user_id AND u.epoch <= session.epoch)
      RETURNING id, user_id, access_expires_at
    ), remembered AS (
      INSERT INTO revocation (user_id, session_id, keep_until) SELECT user_id, id, access_expires_at FROM ended
    ), recorded AS (${recorded}), extent AS MATERIALIZED (
      -- Without MATERIALIZED, Postgres counts again for each row: 4 s for 5,000 rows.
      SELECT count(*) AS sessions, count(DISTINCT user_id) AS users FROM ended
    )
    SELECT user_id AS "userId", id AS "sessionId", access_expires_at AS "keepUntil",
      -- A message names one session, or one user, or all: lists could outgrow the 8,000 bytes it may have.
      pg_notify(${channel}, CASE
        WHEN sessions = 1
          THEN concat_ws(' ', 'session', user_id, id, (extract(epoch FROM access_expires_at) * 1000)::bigint)
        WHEN users = 1 THEN concat_ws(' ', 'user', user_id)
        ELSE 'all' END)::text
    FROM ended, extent`;
  return ended.map(({ userId, sessionId, keepUntil }) => ({ userId, sessionId, version: null, keepUntil }));
}

/** Ends one session; an ended or unknown one is no error. @returns how many ended now */
export async function endSession(
  deps: EndingDeps,
  sessionId: string,
  reason: EndReason,
  actor: Actor,
): Promise<number> {
  return rememberEnded(deps, await endSessions(deps.db, Prisma.sql`id = ${sessionId}::uuid`, reason, actor));
}

/** @returns false if the session is not this user's or has ended */
export async function endOwnSession(
  deps: EndingDeps,
  userId: string,
  sessionId: string,
  actor: Actor,
): Promise<boolean> {
  const which = Prisma.sql`id = ${sessionId}::uuid AND user_id = ${userId}::uuid`;
  return rememberEnded(deps, await endSessions(deps.db, which, 'ended_by_user', actor)) === 1;
}

/** Ends every session of a user. A login at the same moment comes before or after it, never between. */
export async function endUserSessions(
  deps: ChangeDeps,
  userId: string,
  reason: EndReason,
  actor: Actor,
): Promise<number> {
  let count = 0;
  await commitChange(deps, async (tx) => {
    await lockUser(tx, userId);
    const { sessions, revocations } = await endEverything(tx, userId, reason, actor);
    count = sessions;
    return revocations;
  });
  return count;
}

/** Sessions whose rows are marked at once; a job marks the others. */
export const markedAtOnce = 1_000;

// A message has room for 8,000 bytes, and a user has no more sessions than that by default. The epoch itself names all.
const namedAtOnce = 100;

type EndedEverything = { revocations: Revocation[]; sessions: number; epoch: number };

/**
 * Raises the user's epoch, which ends every session, access token and device token: one row and one message, however
 * many there are. Trusted devices and half-done logins are forgotten with it. Call it in a transaction that has locked the user.
 * @param keep a session that continues if it is live
 * @returns what to remember after the commit, and how many sessions ended, counted up to {@link markedAtOnce}
 */
export async function endEverything(
  tx: Transaction,
  userId: string,
  reason: EndReason,
  actor: Actor,
  keep: string | null = null,
): Promise<EndedEverything> {
  const isLive = Prisma.sql`user_id = ${userId}::uuid AND ended_at IS NULL
    AND epoch = (SELECT epoch FROM "user" WHERE id = ${userId}::uuid)`;
  const detail = Prisma.sql`jsonb_build_object('reason', ${reason}::text, 'sessions',
    CASE WHEN count(*) <= 100 THEN jsonb_agg(id) ELSE to_jsonb(count(*)) END)`;
  const recorded = auditEvent('session.ended', userId, actor, detail, Prisma.sql`FROM ended HAVING count(*) > 0`);
  type Row = {
    userId: string;
    epoch: number;
    keptId: string | null;
    sessionIds: string[];
    keepUntil: Date;
    sessions: number;
  };
  const [row] = await tx.$queryRaw<Row[]>`
    WITH kept AS (
      UPDATE session SET epoch = epoch + 1 WHERE id = ${keep}::uuid AND ${isLive} RETURNING id
    ), ended AS (
      UPDATE session SET ended_at = clock_timestamp(), end_reason = ${reason}
      WHERE id IN (SELECT id FROM session WHERE ${isLive} AND id IS DISTINCT FROM ${keep}::uuid LIMIT ${markedAtOnce})
      RETURNING id, access_expires_at
    ), raised AS (
      UPDATE "user" SET epoch = epoch + 1 WHERE id = ${userId}::uuid RETURNING id, epoch
    ), unfinished AS (
      INSERT INTO unfinished_ending (user_id, epoch, reason) SELECT id, epoch, ${reason} FROM raised
      WHERE (SELECT count(*) FROM ended) = ${markedAtOnce}
      ON CONFLICT (user_id) DO UPDATE SET epoch = excluded.epoch
    ), devices AS (DELETE FROM trusted_device WHERE user_id = ${userId}::uuid
    ), logins AS (DELETE FROM login_attempt WHERE user_id = ${userId}::uuid
    ), outdone AS (
      DELETE FROM revocation WHERE user_id = ${userId}::uuid AND epoch IS NOT NULL RETURNING session_ids, keep_until
    ), named AS (
      SELECT id FROM ended WHERE access_expires_at > clock_timestamp() UNION
      SELECT id FROM session WHERE id IN (SELECT unnest(session_ids) FROM outdone) AND access_expires_at > clock_timestamp()
      ORDER BY id DESC LIMIT ${namedAtOnce}
    ), remembered AS (
      -- As long as a token lives: who logs in and out all day must not fill the memory. Those of sessions past the limit
      -- may have been signed under any setting.
      INSERT INTO revocation (user_id, epoch, kept_id, session_ids, keep_until)
      SELECT id, epoch, (SELECT id FROM kept), ARRAY(SELECT id FROM named), greatest(clock_timestamp(),
        (SELECT max(access_expires_at) FROM ended), (SELECT max(keep_until) FROM outdone),
        CASE WHEN (SELECT count(*) FROM ended) = ${markedAtOnce} THEN clock_timestamp() + make_interval(secs => ${longestAccessTtl}) END)
      FROM raised
      RETURNING user_id, epoch, kept_id, session_ids, keep_until
    ), recorded AS (${recorded})
    SELECT user_id AS "userId", epoch, kept_id AS "keptId", session_ids AS "sessionIds", keep_until AS "keepUntil",
      (SELECT count(*)::int FROM ended) AS sessions,
      pg_notify(${channel}, concat_ws(' ', 'epoch', user_id, epoch, (extract(epoch FROM keep_until) * 1000)::bigint,
        coalesce(kept_id::text, '-'), array_to_string(session_ids, ',')))::text
    FROM remembered`;
  if (!row) return { revocations: [], sessions: 0, epoch: 0 };
  const { sessions, ...raised } = row;
  return { revocations: [{ sessionId: null, version: null, ...raised }], sessions, epoch: raised.epoch };
}

// How many at a time: more are over the limit only after it was lowered, and later logins end those.
const oldestAtOnce = 100;

/** Ends the oldest sessions of a user over the limit. */
export async function endOldestSessions(deps: EndingDeps, userId: string, limit: number): Promise<void> {
  const which = Prisma.sql`id IN (
    SELECT id FROM session WHERE user_id = ${userId}::uuid AND ended_at IS NULL
      AND epoch = (SELECT epoch FROM "user" WHERE id = ${userId}::uuid)
    ORDER BY id DESC OFFSET ${limit} LIMIT ${oldestAtOnce})`;
  rememberEnded(deps, await endSessions(deps.db, which, 'session_limit', {}));
}

// A statement has two seconds, and there may be millions of sessions.
const endedAtOnce = 5_000;

/**
 * Ends every session of all users, in batches that are committed and recorded separately, and forgets trusted devices
 * and sign-ins that are half-way. After a failure, call it again. Sessions started meanwhile stay.
 * @returns how many ended now
 */
export async function endAllSessions(deps: EndingDeps, actor: Actor): Promise<number> {
  const [newest] = await deps.db.$queryRaw<{ id: string }[]>`SELECT id FROM session ORDER BY id DESC LIMIT 1`;
  let [count, after] = [0, NIL as string];
  while (newest && after < newest.id) {
    const [last = newest] = await deps.db.$queryRaw<{ id: string }[]>`
      SELECT id FROM session WHERE id > ${after}::uuid AND id <= ${newest.id}::uuid
      ORDER BY id OFFSET ${endedAtOnce - 1} LIMIT 1`;
    const which = Prisma.sql`id > ${after}::uuid AND id <= ${last.id}::uuid`;
    count += rememberEnded(deps, await endSessions(deps.db, which, 'ended_by_operator', actor));
    after = last.id;
  }
  for (const table of ['trusted_device', 'login_attempt', 'external_flow'])
    await emptyTable(deps.db, Prisma.raw(table));
  return count;
}

async function emptyTable(db: Db, table: Prisma.Sql): Promise<void> {
  const some = Prisma.sql`SELECT ctid FROM ${table} LIMIT ${endedAtOnce}`;
  while ((await db.$executeRaw`DELETE FROM ${table} WHERE ctid = ANY (ARRAY(${some}))`) === endedAtOnce);
}

/**
 * Runs a change in one transaction; after the commit, remembers what ended and sends the mails.
 * @param change must first lock the user
 */
export async function commitChange(
  deps: ChangeDeps,
  change: (tx: Transaction) => Promise<Revocation[]>,
): Promise<void> {
  rememberEnded(deps, await deps.db.$transaction(change));
  deps.outboxWake?.wake();
}

/** Adds to this instance's memory without waiting for the notification. */
export function rememberEnded({ revocations }: Pick<EndingDeps, 'revocations'>, ended: Revocation[]): number {
  revocations.add(ended);
  return ended.length;
}
