import { v7 as uuidv7 } from 'uuid';
import { tallyEvent } from '../audit/counted-events.js';
import { type Actor, auditEvent } from '../audit/events.js';
import { AppError, type ErrorCode } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { SigningKeys } from '../keys/signing-keys.js';
import type { Caller } from '../platform/caller.js';
import type { Db } from '../platform/db/database.js';
import { noticeMail, verificationMail } from '../platform/outbox/outbox.js';
import type { MailBell } from '../platform/outbox/wake.js';
import { claimingName } from '../sign-up/pending.js';
import { type CheckedUser, canonical, type User } from '../users/users.js';
import { type AccessTokenSettings, signAccessToken } from './access-tokens.js';
import { committed, endSessions } from './end.js';
import { newNonce, nonceHash, openRefreshToken, type RefreshToken, sealRefreshToken } from './refresh-tokens.js';
import type { Revocations } from './revocations.js';

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
  mailBell?: MailBell;
  config: { tokens: SessionSettings };
};

const userColumns = Prisma.sql`u.id, u.username, u.username_key AS "usernameKey", u.email, u.email_key AS "emailKey",
  u.email_verified_at AS "emailVerifiedAt", u.pending_email AS "pendingEmail", u.pending_email_key AS "pendingEmailKey",
  u.pending_until AS "pendingUntil", u.password_hash AS "passwordHash", u.roles, u.version,
  u.disabled_at AS "disabledAt", u.last_login_at AS "lastLoginAt", u.created_at AS "createdAt",
  u.updated_at AS "updatedAt"`;

/**
 * Starts a session for a user whose password was checked.
 * @returns undefined where by now that hash is no longer current, or the user disabled or deleted: time passes
 * during a hash, and what was changed meanwhile counts
 * @param newDevice whether the user is told by mail
 */
export async function logIn(
  deps: SessionsDeps,
  checked: CheckedUser,
  caller: Caller,
  { newDevice }: { newDevice: boolean },
): Promise<SessionTokens | undefined> {
  // The UPDATE locks the user, so that a change of password or a disabling is either seen here or sees the session.
  const stillTrue = Prisma.sql`
    UPDATE "user" SET last_login_at = clock_timestamp()
    WHERE id = ${checked.user.id}::uuid AND password_hash = ${checked.passwordHash} AND disabled_at IS NULL
      AND pending_until IS NULL
    RETURNING *`;
  const mail = newDevice ? noticeMail('new_device', Prisma.sql`FROM u`, caller) : undefined;
  return startSession(deps, stillTrue, 'login.succeeded', checked.user.id, caller, mail);
}

/** A user about to be made; the password is hashed already. */
export type NewUser = { username: string; email: string | undefined; passwordHash: string };

/**
 * Makes a user and their first session in one statement: both or neither.
 * @throws AppError username_taken, email_taken
 */
export async function signUp(deps: SessionsDeps, user: NewUser, caller: Caller): Promise<SessionTokens> {
  const { username, email = null, passwordHash } = user;
  const id = uuidv7();
  const inserted = Prisma.sql`
    INSERT INTO "user" (id, username, username_key, email, email_key, password_hash, last_login_at)
    VALUES (${id}::uuid, ${username}, ${canonical(username)}, ${email}, ${email && canonical(email)},
      ${passwordHash}, clock_timestamp())
    RETURNING *`;
  const mail = email === null ? undefined : verificationMail(Prisma.sql`FROM u`);
  return claimingName(deps, username, async () => {
    const tokens = await startSession(deps, inserted, 'user.created', id, caller, mail);
    if (!tokens) throw new Error('An INSERT returned nothing');
    return tokens;
  });
}

/**
 * Inserts a session for the one user that the given statement returns, and records it, in that very statement.
 * @param mail an INSERT of a mail to them, over `u`
 */
async function startSession(
  deps: SessionsDeps,
  signedIn: Prisma.Sql,
  action: 'login.succeeded' | 'user.created',
  userId: string,
  caller: Caller,
  mail?: Prisma.Sql,
) {
  const { db, keys, config } = deps;
  const sessionId = uuidv7();
  const nonce = newNonce();
  const issuedAt = now();
  const actor = { actorId: userId, caller };
  const recorded = auditEvent(action, userId, actor, { session_id: sessionId }, Prisma.sql`FROM u`);
  const [user] = await db.$queryRaw<User[]>`
    WITH u AS (${signedIn}), started AS (
      INSERT INTO session (id, user_id, nonce_hash, access_expires_at, ip, user_agent)
      SELECT ${sessionId}::uuid, u.id, ${nonceHash(nonce)}::bytea,
        ${accessExpiry(config.tokens, issuedAt)}::timestamptz, ${caller.address}, ${caller.userAgent ?? null} FROM u
    ), recorded AS (${recorded}) ${mail ? Prisma.sql`, mailed AS (${mail})` : Prisma.empty}
    SELECT ${userColumns} FROM u`;
  if (!user) return undefined;
  if (mail) deps.mailBell?.ring();
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
  const { counter } = token;
  const rotates = Prisma.sql`s.counter <= ${counter}`;
  type Row = User & { counterNow: number; refreshExpiresIn: number };
  const [row] = await db.$queryRaw<Row[]>`
    WITH refreshed AS (UPDATE session s SET
      counter = CASE WHEN ${rotates} THEN ${counter} + 1 ELSE s.counter END,
      rotated_at = CASE WHEN ${rotates} THEN clock_timestamp() ELSE s.rotated_at END,
      ip = CASE WHEN ${rotates} THEN ${caller.address} ELSE s.ip END,
      user_agent = CASE WHEN ${rotates} THEN ${caller.userAgent ?? null} ELSE s.user_agent END,
      access_expires_at = greatest(s.access_expires_at, ${accessExpiry(config.tokens, issuedAt)}::timestamptz)
    FROM "user" u, (SELECT counter FROM session WHERE id = ${token.sessionId}::uuid) seen
    WHERE ${isSessionOf(token)} AND s.ended_at IS NULL AND u.id = s.user_id AND u.disabled_at IS NULL
      AND ${isOfAge(config.tokens, token.sessionId)}
      AND (${rotates} OR (s.counter = ${counter} + 1 AND s.rotated_at > clock_timestamp() - ${seconds(config.tokens.refreshGrace)}))
    RETURNING ${userColumns}, s.counter AS "counterNow", seen.counter AS "counterSeen",
      s.ip AS "lastIp", s.user_agent AS "lastUserAgent",
      ceil(extract(epoch FROM least(s.rotated_at + ${seconds(config.tokens.refreshTtl)},
        s.created_at + ${seconds(config.tokens.sessionMaxAge)}) - clock_timestamp()))::int AS "refreshExpiresIn"
    ), ${refreshEvents(token, caller)}
    SELECT * FROM refreshed`;
  if (!row) throw new AppError(await refusalOf(deps, token, caller));
  const { counterNow, refreshExpiresIn, ...user } = row;
  const refreshToken = sealRefreshToken(keys, { ...token, counter: counterNow });
  return { ...access(deps, user, token.sessionId, issuedAt), refreshToken, refreshExpiresIn };
}

/** What is out of the ordinary about a refresh, recorded in its own statement: mostly nothing. */
function refreshEvents({ sessionId, counter }: RefreshToken, caller: Caller): Prisma.Sql {
  const [user, detail] = [Prisma.sql`refreshed.id`, { session_id: sessionId }];
  // A counter behind a genuine token: the database is younger than the token, as after a restored backup.
  const whereAhead = Prisma.sql`FROM refreshed WHERE "counterSeen" < ${counter}`;
  // A rotation notes its caller, so whoever finds another one there was answered out of grace.
  const whereGrace = Prisma.sql`FROM refreshed WHERE "lastIp" IS DISTINCT FROM ${caller.address}
    OR "lastUserAgent" IS DISTINCT FROM ${caller.userAgent ?? null}`;
  return Prisma.sql`
    ahead AS (${auditEvent('refresh.ahead', user, { caller }, detail, whereAhead)}),
    grace AS (${tallyEvent('refresh.grace', user, caller, detail, whereGrace)})`;
}

/** Tells theft from age. A token that was replaced longer ago than the grace is in two hands: the session ends. */
async function refusalOf(deps: SessionsDeps, token: RefreshToken, caller: Caller): Promise<ErrorCode> {
  const { config, db } = deps;
  const reused = Prisma.sql`id IN (
    SELECT s.id FROM session s WHERE ${isSessionOf(token)} AND ${isOfAge(config.tokens, token.sessionId)}
      AND (s.counter > ${token.counter} + 1 OR (s.counter = ${token.counter} + 1
        AND s.rotated_at <= clock_timestamp() - ${seconds(config.tokens.refreshGrace)})))`;
  const ended = await endSessions(db, reused, 'refresh_token_reused', { caller }, 'refresh.reused');
  if (committed(deps, ended) > 0) return 'refresh_token_reused';
  const [row] = await db.$queryRaw<unknown[]>`
    SELECT FROM session s WHERE ${isSessionOf(token)} AND s.ended_at IS NOT NULL`;
  return row ? 'session_revoked' : 'invalid_refresh_token';
}

/**
 * Logs out the session of a refresh token, be it the current one, an older one, or of a session that has ended.
 * @throws AppError invalid_refresh_token where it is not genuine
 */
export async function endSessionOf(deps: SessionsDeps, text: string, actor: Actor): Promise<void> {
  const token = openRefreshToken(deps.keys, text);
  if (!token) throw new AppError('invalid_refresh_token');
  const which = Prisma.sql`id IN (SELECT s.id FROM session s WHERE ${isSessionOf(token)})`;
  committed(deps, await endSessions(deps.db, which, 'logout', actor));
}

function isSessionOf({ sessionId, nonce }: RefreshToken): Prisma.Sql {
  return Prisma.sql`s.id = ${sessionId}::uuid AND s.nonce_hash = ${nonceHash(nonce)}`;
}

/** Not idle for too long and not too old, by the database's clock. */
function isOfAge({ refreshTtl, sessionMaxAge }: SessionSettings, sessionId: string): Prisma.Sql {
  return Prisma.sql`s.rotated_at > clock_timestamp() - ${seconds(refreshTtl + idleJitter(refreshTtl, sessionId))}
    AND s.created_at > clock_timestamp() - ${seconds(sessionMaxAge)}`;
}

/**
 * Seconds that a session may stay idle beyond `REFRESH_TOKEN_TTL`, so that those which began together do not all have
 * to log in again together: the same on every instance.
 */
export function idleJitter(refreshTtl: number, sessionId: string): number {
  return (Number.parseInt(sessionId.slice(-4), 16) / 0xffff) * mostIdleJitter(refreshTtl);
}

/** The most that {@link idleJitter} gives: 5 %, and an hour. */
export function mostIdleJitter(refreshTtl: number): number {
  return Math.min(refreshTtl / 20, 3600);
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
