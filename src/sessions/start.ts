import { v7 as uuidv7 } from 'uuid';
import { auditEvent } from '../audit/events.js';
import { Prisma } from '../generated/prisma/client.js';
import type { SigningKeys } from '../keys/signing-keys.js';
import type { Caller } from '../platform/caller.js';
import type { Db } from '../platform/db/database.js';
import type { Wake } from '../platform/queue/wake.js';
import type { Metrics } from '../platform/telemetry/metrics.js';
import type { ShownUser } from '../users/json.js';
import type { ReadUser } from '../users/plain-user.js';
import { type User, userColumns } from '../users/users.js';
import { type AccessTokenSettings, signAccessToken } from './access-tokens.js';
import type { Acr, Amr, Authentication } from './authentication.js';
import { endOldestSessions } from './end.js';
import { type External, linking, tellingOfLink } from './external.js';
import type { OwnClaims } from './own-claims.js';
import { newRefreshToken } from './refresh-tokens.js';
import type { Revocations } from './revocations.js';

/** Lifetimes are in seconds. */
export type SessionTokens = {
  sessionId: string;
  user: ShownUser & { epoch: number };
  authentication: Authentication;
  accessToken: string;
  accessExpiresIn: number;
  refreshToken: string;
  refreshExpiresIn: number;
};

/** In seconds. */
export type SessionSettings = AccessTokenSettings & {
  refreshTtl: number;
  refreshGrace: number;
  sessionMaxAge: number;
  maxSessions: number;
};

export type SessionsDeps = {
  db: Db;
  keys: SigningKeys;
  revocations: Revocations;
  outboxWake?: Wake;
  metrics: Pick<Metrics, 'signIns'>;
  config: { tokens: SessionSettings };
  /** The claims of own/claims.ts. @throws Error if they may not be */
  ownClaims(user: ReadUser): OwnClaims;
};

/** Who has proven who they are, and how. */
export type Proof = {
  userId: string;
  /** The user's epoch when it was proven: what was proven under another one starts no session. */
  epoch: number;
  amr: Amr[];
  acr: Acr;
  /** What else must hold of the row `"user"`, such as the hash that the password was compared with. */
  still?: Prisma.Sql;
  /**
   * Common table expressions that spend what proves the second factor: each reads the one before it, the first reads the
   * locked user as `locked`, and the last is called `spent` and has a row if all of it counted. Without them only a user
   * whose second factor is off gets a session.
   */
  spend?: Prisma.Sql;
  /** What becomes of the wrong codes of `locked` when something is spent; else they are forgotten. */
  wrongCodes?: Prisma.Sql;
  /** Further common table expressions, which read the user as `u`: what else happens if the proof counts. */
  also?: Prisma.Sql;
  /** The provider that vouched for the user. */
  external?: External;
  /** Common table expressions that spend what proves the first factor: they read the user as `held`, and the last is called `first`. */
  spendFirst?: Prisma.Sql;
};

/** The sign-in of the session `s`, as {@link Authentication} has it. */
export const authenticationColumns = Prisma.sql`s.amr, s.acr, coalesce(s.auth_time, s.created_at) AS "authTime"`;

/**
 * Starts a session for who signs in, in one statement: it locks the user first, so that a change of password, a new
 * second factor or a disabling is either seen here, or it sees this session.
 * @param mail an INSERT of a mail to `u`
 * @returns undefined if the proof does not count, or no more; then nothing has changed
 */
export async function startSession(
  deps: SessionsDeps,
  proof: Proof,
  caller: Caller,
  mail?: Prisma.Sql,
  detail: Record<string, unknown> = {},
): Promise<SessionTokens | undefined> {
  return insertSession(deps, usersOf(proof), proof, 'login.succeeded', caller, { mail, detail });
}

/**
 * The same for a new user.
 * @param users common table expressions that make it, as `u`
 * @returns undefined if they made none
 */
export async function startFirstSession(
  deps: SessionsDeps,
  users: Prisma.Sql,
  proof: Proof,
  caller: Caller,
  mail?: Prisma.Sql,
): Promise<SessionTokens | undefined> {
  return insertSession(deps, users, proof, 'user.created', caller, { mail });
}

/** The user as `u`, if the proof counts. */
function usersOf(proof: Proof): Prisma.Sql {
  const signsIn = Prisma.sql`SET last_login_at = clock_timestamp()`;
  const { spend, spendFirst, external } = proof;
  if (!spend && !spendFirst)
    return Prisma.sql`u AS (UPDATE "user" ${signsIn} WHERE ${isSoundUser(proof)} AND ${isOff} RETURNING *)`;
  const proven = spend ? lockedAndSpent(proof, spend) : lockedAndSpent(proof, nothing, isOff);
  const [linked, andLinked] = external?.link
    ? [Prisma.sql`, ${linking(external, external.link)}`, Prisma.sql`, linked`]
    : [Prisma.empty, Prisma.empty];
  return Prisma.sql`${proven} ${linked}, u AS (
    UPDATE "user" ${signsIn}, wrong_codes = ${wrongCodesAfter(proof)}
    FROM locked, (SELECT FROM spent LIMIT 1) spent ${andLinked}
    WHERE "user".id = locked.id RETURNING "user".*)`;
}

const isOff = Prisma.sql`second_factor = 'off'`;

/** No second factor is spent. */
const nothing = Prisma.sql`spent AS (SELECT FROM locked)`;

function isSoundUser({ userId, epoch, still }: Proof): Prisma.Sql {
  return Prisma.sql`id = ${userId}::uuid AND kind = 'person' AND epoch = ${epoch} AND disabled_at IS NULL AND pending_until IS NULL
    AND deleted_at IS NULL ${still ? Prisma.sql`AND ${still}` : Prisma.empty}`;
}

/** `locked`, the user, and the proof's own expressions up to `spent`. */
export function lockedAndSpent(proof: Proof, spend: Prisma.Sql, also?: Prisma.Sql): Prisma.Sql {
  return Prisma.sql`${lockedBy(proof, also)}, ${spend}`;
}

/** The user as `locked`, once the first factor is spent. @param also what else must hold of the user */
export function lockedBy(proof: Proof, also: Prisma.Sql = Prisma.sql`true`): Prisma.Sql {
  const { spendFirst } = proof;
  const found = Prisma.sql`SELECT * FROM "user" WHERE ${isSoundUser(proof)} AND ${also} FOR NO KEY UPDATE`;
  if (!spendFirst) return Prisma.sql`locked AS (${found})`;
  return Prisma.sql`held AS (${found}), ${spendFirst}, locked AS (SELECT * FROM held WHERE EXISTS (SELECT FROM first))`;
}

export function wrongCodesAfter({ wrongCodes }: Proof): Prisma.Sql {
  return wrongCodes ?? Prisma.sql`0`;
}

export function alsoBy({ also }: Proof): Prisma.Sql {
  return also ? Prisma.sql`, ${also}` : Prisma.empty;
}

function toldOfLink({ external, userId }: Proof, caller: Caller): Prisma.Sql {
  return external?.link ? Prisma.sql`, ${tellingOfLink(external, userId, caller)}` : Prisma.empty;
}

type Extras = { mail?: Prisma.Sql | undefined; detail?: Record<string, unknown> };

/** The only INSERT of a session. @param users what gives the user as `u` */
async function insertSession(
  deps: SessionsDeps,
  users: Prisma.Sql,
  proof: Proof,
  action: 'login.succeeded' | 'user.created',
  caller: Caller,
  { mail, detail = {} }: Extras,
): Promise<SessionTokens | undefined> {
  const { db, keys, config } = deps;
  const { userId, amr, acr, external } = proof;
  const sessionId = external?.sessionId ?? uuidv7();
  const refreshToken = newRefreshToken(keys, sessionId);
  const issuedAt = Math.floor(Date.now() / 1000);
  const accessExpiresAt = new Date((issuedAt + config.tokens.accessTtl) * 1000);
  const actor = { actorId: userId, caller };
  const how = { ...(action === 'login.succeeded' && { amr, acr }), ...(external && { provider: external.provider }) };
  const facts = { session_id: sessionId, ...how, ...detail };
  const recorded = auditEvent(action, userId, actor, facts, Prisma.sql`FROM u`);
  const [row] = await db.direct<User & { authTime: Date; isFull: boolean }>(Prisma.sql`
    WITH ${users}, started AS (
      INSERT INTO session (id, user_id, epoch, nonce_hash, needs_access_cookie, access_expires_at, amr, acr, auth_time,
        identity_id, ip, user_agent)
      SELECT ${sessionId}::uuid, u.id, u.epoch, ${refreshToken.nonceHash}::bytea, true, ${accessExpiresAt}::timestamptz,
        ${amr}::text[], ${acr}, clock_timestamp(),
        ${external?.identityId ?? null}::uuid, ${caller.address}, ${caller.userAgent ?? null} FROM u
      RETURNING auth_time
    ), recorded AS (${recorded}) ${mail ? Prisma.sql`, mailed AS (${mail})` : Prisma.empty} ${alsoBy(proof)}
    ${toldOfLink(proof, caller)}
    SELECT ${userColumns}, (SELECT auth_time FROM started) AS "authTime",
      EXISTS (SELECT FROM session s WHERE s.user_id = u.id AND s.ended_at IS NULL
      AND s.epoch = u.epoch OFFSET ${config.tokens.maxSessions - 1}) AS "isFull" FROM u`);
  if (!row) return undefined;
  deps.metrics.signIns.started({ acr, amr });
  const { isFull, authTime, ...user } = row;
  const authentication = { amr, acr, authTime };
  const own = deps.ownClaims(user);
  if (isFull) await endOldestSessions(deps, userId, config.tokens.maxSessions);
  if (mail || proof.also || external?.link) deps.outboxWake?.wake();
  return {
    sessionId,
    user,
    authentication,
    accessToken: signAccessToken(keys, config.tokens, { ...user, ...authentication, sessionId, own }, issuedAt),
    accessExpiresIn: config.tokens.accessTtl,
    refreshToken: refreshToken.text,
    refreshExpiresIn: config.tokens.refreshTtl,
  };
}
