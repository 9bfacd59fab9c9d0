import type { ErrorCode } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import type { AccessClaims } from './access-tokens.js';

/** A reason to refuse live access tokens, kept until the last of them expires. */
export type Revocation =
  | (OfUser & { sessionId: string; version: null })
  | (OfUser & { sessionId: null; version: number })
  | EpochRevocation;

type OfUser = { userId: string; keepUntil: Date };

/** Everything of the user with a lower epoch, except one session. */
type EpochRevocation = OfUser & {
  sessionId: null;
  version: null;
  epoch: number;
  keptId: string | null;
  sessionIds: string[];
};

/** Why a genuine, unexpired access token is refused. */
export type Refusal = Extract<ErrorCode, 'session_revoked' | 'token_stale' | 'invalid_token'>;

export type Revocations = {
  add(revocations: Revocation[]): void;
  load(): Promise<void>;
  /** Loads those of one user, or those of the last seconds. */
  loadUser(userId: string): Promise<void>;
  loadSince(seconds: number): Promise<void>;
  checkMemory(claims: AccessClaims): Refusal | undefined;
  /** Asks the database, where a missing session counts as ended: slower, never less strict. */
  checkDatabase(claims: AccessClaims): Promise<Refusal | undefined>;
  /** False after an overflow: then the database must be asked. */
  isComplete(): boolean;
  /** Forgets expired ones; after an overflow, checks whether all fit again. */
  sweep(): Promise<void>;
  size(): number;
  /** How many sessions are named by endings of everything. */
  named(): number;
  /** Everything that is remembered, with the time (ms) until which it matters. */
  remembered(): Remembered;
  /** Calls back with what becomes known. @returns a function that stops that */
  follow(listener: (known: Revocation[]) => void): () => void;
};

/** By session; by user the least version and epoch that are good, and the session that the epoch spares. */
export type Remembered = {
  sessions: Iterable<readonly [id: string, until: number]>;
  versions: Iterable<readonly [userId: string, { version: number; until: number }]>;
  epochs: Iterable<
    readonly [userId: string, { epoch: number; keptId: string | null; sessionIds: string[]; until: number }]
  >;
};

// About 100 bytes each: at most 20 MB.
const maxRemembered = 200_000;

// The clock of the instance that set `exp` may be behind ours by this much, in milliseconds.
export const clockTolerance = 60_000;

export function createRevocations(db: Db, max = maxRemembered): Revocations {
  const endedSessions = new Map<string, number>();
  const leastVersions = new Map<string, { version: number; until: number }>();
  const leastEpochs = new Map<string, { epoch: number; keptId: string | null; sessionIds: string[]; until: number }>();
  const listeners = new Set<(known: Revocation[]) => void>();
  let complete = false;
  let named = 0;
  let overflows = 0;

  function remember(revocation: Revocation): void {
    const { userId } = revocation;
    const until = revocation.keepUntil.getTime() + clockTolerance;
    if (revocation.sessionId !== null) endedSessions.set(revocation.sessionId, until);
    else if (revocation.version !== null) {
      const [{ version }, known] = [revocation, leastVersions.get(userId)];
      if (version > (known?.version ?? -1))
        leastVersions.set(userId, { version, until: Math.max(until, known?.until ?? 0) });
    } else rememberEpoch(revocation, until);
  }

  function rememberEpoch({ userId, epoch, keptId, sessionIds }: EpochRevocation, until: number): void {
    const known = leastEpochs.get(userId);
    // The newest is enough: a session that it keeps was live until then.
    if (known && known.epoch >= epoch) return;
    named += sessionIds.length - (known?.sessionIds.length ?? 0);
    leastEpochs.set(userId, { epoch, keptId, sessionIds, until: Math.max(until, known?.until ?? 0) });
  }

  function isKnown({ userId, sessionId, version }: Revocation): boolean {
    if (sessionId !== null) return endedSessions.has(sessionId);
    return version !== null ? leastVersions.has(userId) : leastEpochs.has(userId);
  }

  function forgetExpired(): void {
    const now = Date.now();
    for (const [id, until] of endedSessions) if (until < now) endedSessions.delete(id);
    for (const [id, { until }] of leastVersions) if (until < now) leastVersions.delete(id);
    for (const [id, { until, sessionIds }] of leastEpochs)
      if (until < now) {
        leastEpochs.delete(id);
        named -= sessionIds.length;
      }
  }

  const size = () => endedSessions.size + leastVersions.size + leastEpochs.size;

  // Most of what is loaded again is already known and needs no more space.
  function fits(revocations: Revocation[]): boolean {
    if (size() + revocations.length <= max) return true;
    forgetExpired();
    return size() + revocations.filter((one) => !isKnown(one)).length <= max;
  }

  function add(revocations: Revocation[]): void {
    if (fits(revocations)) {
      revocations.forEach(remember);
      for (const listener of listeners) listener(revocations);
    } else {
      complete = false;
      overflows += 1;
    }
  }

  // Revocations never become untrue, so memory is kept while loading. But an overflow meanwhile may be newer than these
  // rows.
  async function load(): Promise<void> {
    const before = overflows;
    const rows = await read(db, Prisma.sql`keep_until > clock_timestamp() - interval '1 minute'`, max + 1);
    forgetExpired();
    add(rows);
    complete = overflows === before;
  }

  return {
    add,
    load,
    loadUser: async (userId) => add(await read(db, Prisma.sql`user_id = ${userId}::uuid`, max + 1)),
    loadSince: async (seconds) =>
      add(await read(db, Prisma.sql`created_at > clock_timestamp() - make_interval(secs => ${seconds})`, max + 1)),
    checkMemory(claims) {
      if (endedSessions.has(claims.sid)) return 'session_revoked';
      const ended = leastEpochs.get(claims.sub);
      // Keys go on when everything else of their owner ends: each one that does not is named.
      if (ended && claims.kind === 'session' && claims.epoch < ended.epoch && claims.sid !== ended.keptId)
        return 'session_revoked';
      const least = leastVersions.get(claims.sub);
      return least && claims.ver < least.version ? 'token_stale' : undefined;
    },
    checkDatabase: (claims) => askDatabase(db, claims),
    isComplete: () => complete,
    async sweep() {
      forgetExpired();
      if (!complete) await load();
    },
    size,
    named: () => named,
    remembered: () => ({ sessions: endedSessions, versions: leastVersions, epochs: leastEpochs }),
    follow(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function read(db: Db, which: Prisma.Sql, max: number): Promise<Revocation[]> {
  return db.$queryRaw<Revocation[]>`
    SELECT user_id AS "userId", session_id AS "sessionId", version, epoch, kept_id AS "keptId",
      session_ids AS "sessionIds", keep_until AS "keepUntil"
    FROM revocation WHERE ${which} LIMIT ${max}`;
}

async function askDatabase(db: Db, { sid, sub, ver, kid, kind }: AccessClaims): Promise<Refusal | undefined> {
  const isAlive =
    kind === 'session'
      ? Prisma.sql`s.ended_at IS NULL AND s.epoch = u.epoch AND u.disabled_at IS NULL`
      : Prisma.sql`s.revoked_at IS NULL AND u.deleted_at IS NULL`;
  type Row = { alive: boolean; version: number; keyKnown: boolean };
  const [row] = await db.$queryRaw<Row[]>`
    SELECT ${isAlive} AS alive, u.version,
      EXISTS (SELECT FROM signing_key WHERE id = ${kid}) AS "keyKnown"
    FROM ${kind === 'session' ? Prisma.sql`session` : Prisma.sql`api_key`} s JOIN "user" u ON u.id = s.user_id
    WHERE s.id = ${sid}::uuid AND u.id = ${sub}::uuid`;
  if (!row?.alive) return 'session_revoked';
  if (!row.keyKnown) return 'invalid_token';
  return ver < row.version ? 'token_stale' : undefined;
}
