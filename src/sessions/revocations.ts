import type { ErrorCode } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Db } from '../platform/db/database.js';
import type { AccessClaims } from './access-tokens.js';

/** Something that live access tokens must be refused for, until the last of them has expired by itself. */
export type Revocation =
  | { userId: string; sessionId: string; version: null; keepUntil: Date }
  | { userId: string; sessionId: null; version: number; keepUntil: Date };

/** Why a genuine, unexpired access token is refused all the same. */
export type Refusal = Extract<ErrorCode, 'session_revoked' | 'token_stale' | 'invalid_token'>;

/** What this instance knows of that. */
export type Revocations = {
  /** Remembers what has been committed. */
  add(revocations: Revocation[]): void;
  /** Takes all that the database holds. */
  load(): Promise<void>;
  /** Takes what the database holds about one user, or what it has come to hold since a moment. */
  loadUser(userId: string): Promise<void>;
  loadSince(seconds: number): Promise<void>;
  /** Asks the memory alone. */
  checkMemory(claims: AccessClaims): Refusal | undefined;
  /** Asks the database, where a missing session means an ended one: slower, never laxer. */
  checkDatabase(claims: AccessClaims): Promise<Refusal | undefined>;
  /** Whether everything that counts is in the memory. False past its bound: then the database must be asked. */
  isComplete(): boolean;
  /** Lets go of what no live token needs any more; past the bound, looks whether by now all would fit. */
  sweep(): Promise<void>;
  /** How many are held. */
  size(): number;
};

// About 100 bytes each: 20 MB at the most.
const maxRemembered = 200_000;

// Other instances' clocks, which `exp` was made by, may be behind ours by as much, in milliseconds.
const clockTolerance = 60_000;

/** @param most how many are remembered before the database is asked instead */
export function createRevocations(db: Db, most = maxRemembered): Revocations {
  const endedSessions = new Map<string, number>();
  const leastVersions = new Map<string, { version: number; until: number }>();
  let complete = false;
  let overflows = 0;

  function remember({ userId, sessionId, version, keepUntil }: Revocation): void {
    const until = keepUntil.getTime() + clockTolerance;
    if (sessionId !== null) endedSessions.set(sessionId, until);
    else if (version > (leastVersions.get(userId)?.version ?? -1)) leastVersions.set(userId, { version, until });
  }

  function forgetExpired(): void {
    const now = Date.now();
    for (const [id, until] of endedSessions) if (until < now) endedSessions.delete(id);
    for (const [id, { until }] of leastVersions) if (until < now) leastVersions.delete(id);
  }

  const size = () => endedSessions.size + leastVersions.size;

  // Most of what is loaded again is known already, and takes no more room.
  function fits(revocations: Revocation[]): boolean {
    if (size() + revocations.length <= most) return true;
    forgetExpired();
    const unknown = revocations.filter(({ userId, sessionId }) =>
      sessionId === null ? !leastVersions.has(userId) : !endedSessions.has(sessionId),
    );
    return size() + unknown.length <= most;
  }

  function add(revocations: Revocation[]): void {
    if (fits(revocations)) {
      revocations.forEach(remember);
    } else {
      complete = false;
      overflows += 1;
    }
  }

  // What was true stays true: so what is remembered already may stay while this is under way. But what overflowed
  // meanwhile may be younger than these rows, and is in neither.
  async function load(): Promise<void> {
    const before = overflows;
    const rows = await read(db, Prisma.sql`keep_until > clock_timestamp() - interval '1 minute'`, most + 1);
    forgetExpired();
    add(rows);
    complete = overflows === before;
  }

  return {
    add,
    load,
    loadUser: async (userId) => add(await read(db, Prisma.sql`user_id = ${userId}::uuid`, most + 1)),
    loadSince: async (seconds) =>
      add(await read(db, Prisma.sql`created_at > clock_timestamp() - make_interval(secs => ${seconds})`, most + 1)),
    checkMemory(claims) {
      if (endedSessions.has(claims.sid)) return 'session_revoked';
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
  };
}

function read(db: Db, which: Prisma.Sql, most: number): Promise<Revocation[]> {
  return db.$queryRaw<Revocation[]>`
    SELECT user_id AS "userId", session_id AS "sessionId", version, keep_until AS "keepUntil"
    FROM revocation WHERE ${which} LIMIT ${most}`;
}

async function askDatabase(db: Db, { sid, sub, ver, kid }: AccessClaims): Promise<Refusal | undefined> {
  type Row = { alive: boolean; version: number; keyKnown: boolean };
  const [row] = await db.$queryRaw<Row[]>`
    SELECT s.ended_at IS NULL AND u.disabled_at IS NULL AS alive, u.version,
      EXISTS (SELECT FROM signing_key WHERE id = ${kid}) AS "keyKnown"
    FROM session s JOIN "user" u ON u.id = s.user_id
    WHERE s.id = ${sid}::uuid AND u.id = ${sub}::uuid`;
  if (!row?.alive) return 'session_revoked';
  if (!row.keyKnown) return 'invalid_token';
  return ver < row.version ? 'token_stale' : undefined;
}
