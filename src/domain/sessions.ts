import { v7 as uuidv7 } from 'uuid';
import type { Db } from '../db/database.js';
import { uniqueViolation } from '../db/errors.js';
import { AppError, type ErrorCode } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import { type AccessTokenSettings, signAccessToken } from './access-tokens.js';
import { newNonce, nonceHash, openRefreshToken, type RefreshToken, sealRefreshToken } from './refresh-tokens.js';
import type { EndedSession, Revocations } from './revocations.js';
import type { SigningKeys } from './signing-keys.js';
import { type CheckedUser, canonical, type User } from './users.js';

/** Where a request comes from, as a session remembers it. */
export type Caller = { address: string; userAgent: string | undefined };

/** Why a session ended, as its row keeps it. */
export type EndReason = 'logout' | 'reuse';

/** The two tokens of a session and whom they are for. Lifetimes are in seconds. */
export type SessionTokens = {
  sessionId: string;
  user: User;
  accessToken: string;
  accessExpiresIn: number;
  refreshToken: string;
  refreshExpiresIn: number;
};

type SessionSettings = AccessTokenSettings & { refreshTtl: number; refreshGrace: number; sessionMaxAge: number };

export type SessionsDeps = {
  db: Db;
  keys: SigningKeys;
  revocations: Revocations;
  config: { tokens: SessionSettings };
};

const userColumns = Prisma.sql`u.id, u.username, u.username_key AS "usernameKey", u.email, u.email_key AS "emailKey",
  u.email_verified_at AS "emailVerifiedAt", u.password_hash AS "passwordHash", u.roles, u.version,
  u.disabled_at AS "disabledAt", u.last_login_at AS "lastLoginAt", u.created_at AS "createdAt",
  u.updated_at AS "updatedAt"`;

/**
 * Starts a session for a user whose password was checked.
 * @returns undefined where by now that hash is no longer current, or the user disabled or deleted: time passes
 * during a hash, and what was changed meanwhile counts
 */
export async function logIn(
  deps: SessionsDeps,
  checked: CheckedUser,
  caller: Caller,
): Promise<SessionTokens | undefined> {
  // The UPDATE locks the user, so that a change of password or a disabling is either seen here or sees the session.
  const stillTrue = Prisma.sql`
    UPDATE "user" SET last_login_at = clock_timestamp()
    WHERE id = ${checked.user.id}::uuid AND password_hash = ${checked.passwordHash} AND disabled_at IS NULL
    RETURNING *`;
  return startSession(deps, stillTrue, caller);
}

/** A user about to be made; the password is hashed already. */
export type NewUser = { username: string; email: string | undefined; passwordHash: string };

/**
 * Makes a user and their first session in one statement: both or neither.
 * @throws AppError username_taken, email_taken
 */
export async function signUp(deps: SessionsDeps, user: NewUser, caller: Caller): Promise<SessionTokens> {
  const { username, email = null, passwordHash } = user;
  const inserted = Prisma.sql`
    INSERT INTO "user" (id, username, username_key, email, email_key, password_hash, last_login_at)
    VALUES (${uuidv7()}::uuid, ${username}, ${canonical(username)}, ${email}, ${email && canonical(email)},
      ${passwordHash}, clock_timestamp())
    RETURNING *`;
  try {
    const tokens = await startSession(deps, inserted, caller);
    if (!tokens) throw new Error('An INSERT returned nothing');
    return tokens;
  } catch (error) {
    const taken = uniqueViolation(error);
    if (taken === 'username_key') throw new AppError('username_taken');
    if (taken === 'email_key') throw new AppError('email_taken');
    throw error;
  }
}

/** Inserts a session for the one user that the given statement returns, in that very statement. */
async function startSession(deps: SessionsDeps, signedIn: Prisma.Sql, caller: Caller) {
  const { db, keys, config } = deps;
  const sessionId = uuidv7();
  const nonce = newNonce();
  const issuedAt = now();
  const [user] = await db.$queryRaw<User[]>`
    WITH u AS (${signedIn}), started AS (
      INSERT INTO session (id, user_id, nonce_hash, access_expires_at, ip, user_agent)
      SELECT ${sessionId}::uuid, u.id, ${nonceHash(nonce)}::bytea,
        ${accessExpiry(config.tokens, issuedAt)}::timestamptz, ${caller.address}, ${caller.userAgent ?? null} FROM u
    )
    SELECT ${userColumns} FROM u`;
  if (!user) return undefined;
  const refreshToken = sealRefreshToken(keys, { keyId: keys.active('refresh').kid, sessionId, counter: 0, nonce });
  return { ...access(deps, user, sessionId, issuedAt), refreshToken, refreshExpiresIn: config.tokens.refreshTtl };
}

/**
 * Answers a refresh token with its successor. Whoever presents the same token at once, or again within the grace,
 * gets the same successor; which of the two it was is decided by one statement on any number of instances.
 * @throws AppError invalid_refresh_token, session_revoked, or refresh_token_reused, which ends the session
 */
export async function refreshSession(deps: SessionsDeps, text: string, caller: Caller): Promise<SessionTokens> {
  const { db, keys, config } = deps;
  const token = openRefreshToken(keys, text);
  if (!token) throw new AppError('invalid_refresh_token');
  const issuedAt = now();
  const { refreshTtl, sessionMaxAge, refreshGrace } = config.tokens;
  type Row = User & { counter: number; refreshExpiresIn: number };
  const [row] = await db.$queryRaw<Row[]>`
    UPDATE session s SET
      counter = CASE WHEN s.counter <= ${token.counter} THEN ${token.counter} + 1 ELSE s.counter END,
      rotated_at = CASE WHEN s.counter <= ${token.counter} THEN clock_timestamp() ELSE s.rotated_at END,
      ip = CASE WHEN s.counter <= ${token.counter} THEN ${caller.address} ELSE s.ip END,
      user_agent = CASE WHEN s.counter <= ${token.counter} THEN ${caller.userAgent ?? null} ELSE s.user_agent END,
      access_expires_at = greatest(s.access_expires_at, ${accessExpiry(config.tokens, issuedAt)}::timestamptz)
    FROM "user" u
    WHERE s.id = ${token.sessionId}::uuid AND s.nonce_hash = ${nonceHash(token.nonce)}
      AND s.ended_at IS NULL AND u.id = s.user_id AND u.disabled_at IS NULL
      AND s.rotated_at > clock_timestamp() - ${seconds(refreshTtl)}
      AND s.created_at > clock_timestamp() - ${seconds(sessionMaxAge)}
      AND (s.counter <= ${token.counter}
        OR (s.counter = ${token.counter} + 1 AND s.rotated_at > clock_timestamp() - ${seconds(refreshGrace)}))
    RETURNING ${userColumns}, s.counter, ceil(extract(epoch FROM least(
      s.rotated_at + ${seconds(refreshTtl)}, s.created_at + ${seconds(sessionMaxAge)}) - clock_timestamp()))::int
      AS "refreshExpiresIn"`;
  if (!row) throw new AppError(await refusalOf(deps, token));
  const { counter, refreshExpiresIn, ...user } = row;
  const refreshToken = sealRefreshToken(keys, { ...token, counter });
  return { ...access(deps, user, token.sessionId, issuedAt), refreshToken, refreshExpiresIn };
}

/**
 * Ends one session and has its access tokens refused from now on; ending it again changes nothing.
 */
export async function endSession(deps: SessionsDeps, sessionId: string, reason: EndReason): Promise<void> {
  await endSessions(deps, Prisma.sql`id = ${sessionId}::uuid`, reason);
}

// The row and what must be remembered of it change in one statement: neither without the other.
async function endSessions({ db, revocations }: SessionsDeps, which: Prisma.Sql, reason: EndReason): Promise<number> {
  const ended = await db.$queryRaw<EndedSession[]>`
    WITH ended AS (
      UPDATE session SET ended_at = clock_timestamp(), end_reason = ${reason}
      WHERE ended_at IS NULL AND (${which})
      RETURNING id, user_id, access_expires_at
    ), remembered AS (
      INSERT INTO revocation (user_id, session_id, keep_until)
      SELECT user_id, id, access_expires_at FROM ended
    )
    SELECT id, user_id AS "userId", access_expires_at AS "keepUntil" FROM ended`;
  revocations.add(ended);
  return ended.length;
}

/** Tells theft from age. A token that was replaced longer ago than the grace is in two hands: the session ends. */
async function refusalOf(deps: SessionsDeps, token: RefreshToken): Promise<ErrorCode> {
  const { refreshTtl, sessionMaxAge, refreshGrace } = deps.config.tokens;
  const thisSession = Prisma.sql`id = ${token.sessionId}::uuid AND nonce_hash = ${nonceHash(token.nonce)}`;
  const reused = Prisma.sql`${thisSession}
    AND rotated_at > clock_timestamp() - ${seconds(refreshTtl)}
    AND created_at > clock_timestamp() - ${seconds(sessionMaxAge)}
    AND (counter > ${token.counter} + 1
      OR (counter = ${token.counter} + 1 AND rotated_at <= clock_timestamp() - ${seconds(refreshGrace)}))`;
  if ((await endSessions(deps, reused, 'reuse')) > 0) return 'refresh_token_reused';
  const [ended] = await deps.db.$queryRaw<unknown[]>`
    SELECT FROM session WHERE ${thisSession} AND ended_at IS NOT NULL`;
  return ended ? 'session_revoked' : 'invalid_refresh_token';
}

function access(
  { keys, config }: Pick<SessionsDeps, 'keys' | 'config'>,
  user: User,
  sessionId: string,
  issuedAt: number,
): Pick<SessionTokens, 'sessionId' | 'user' | 'accessToken' | 'accessExpiresIn'> {
  const subject = { userId: user.id, roles: user.roles, version: user.version, sessionId };
  const accessToken = signAccessToken(keys, config.tokens, subject, issuedAt);
  return { sessionId, user, accessToken, accessExpiresIn: config.tokens.accessTtl };
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}

function accessExpiry({ accessTtl }: SessionSettings, issuedAt: number): Date {
  return new Date((issuedAt + accessTtl) * 1000);
}

function seconds(count: number): Prisma.Sql {
  return Prisma.sql`make_interval(secs => ${count})`;
}
