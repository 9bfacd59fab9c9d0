import { countedEvent } from '../audit/counted-events.js';
import { type Actor, auditEvent } from '../audit/events.js';
import { AppError, type ErrorCode } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import type { ShownUser } from '../users/json.js';
import { namedSession, signAccessToken } from './access-tokens.js';
import type { Authentication } from './authentication.js';
import { type EndReason, endSessions, rememberEnded } from './end.js';
import { nonceHash, openRefreshToken, type RefreshToken, sealRefreshToken } from './refresh-tokens.js';
import { authenticationColumns, type SessionSettings, type SessionsDeps, type SessionTokens } from './start.js';

/** A refresh token in a cookie, with the access token that came in one; undefined if there was none. */
type CookieProof = { accessToken: string | undefined };

/**
 * Requests with the same token, in parallel or within the grace, get the same successor; one statement decides it, on
 * any number of instances.
 * @param proof for a token that came in a cookie. Another host of the domain can put a refresh cookie into the browser. It
 *   cannot put in the access token of the same session, if that cookie's name begins with `__Host-`. Sessions from before
 *   this rule may have no such cookie any more.
 * @throws AppError invalid_refresh_token, session_revoked, or refresh_token_reused, which ends the session
 */
export async function refreshSession(
  deps: SessionsDeps,
  text: string,
  caller: Caller,
  proof?: CookieProof,
): Promise<SessionTokens> {
  const { keys, config } = deps;
  const token = openRefreshToken(keys, text);
  if (!token) throw new AppError('invalid_refresh_token');
  const issuedAt = Math.floor(Date.now() / 1000);
  const accessExpiresAt = new Date((issuedAt + config.tokens.accessTtl) * 1000);
  const tryRotation = () => rotate(deps, token, caller, accessExpiresAt, isProven(token, proof));
  // A change of password at this moment may have shown the new epoch of the session and the old one of the user.
  const refreshed = (await tryRotation()) ?? (await tryRotation());
  if (!refreshed) throw new AppError(await refusalOf(deps, token, caller));
  const { counterNow, refreshExpiresIn, amr, acr, authTime, ...user } = refreshed;
  const subject = { ...refreshed, sessionId: token.sessionId, own: deps.ownClaims(user) };
  return {
    sessionId: token.sessionId,
    user,
    authentication: { amr, acr, authTime },
    accessToken: signAccessToken(keys, config.tokens, subject, issuedAt),
    accessExpiresIn: config.tokens.accessTtl,
    refreshToken: sealRefreshToken(keys, { ...token, counter: counterNow }),
    refreshExpiresIn,
  };
}

type Refreshed = ShownUser &
  Authentication & { version: number; epoch: number; counterNow: number; refreshExpiresIn: number };

/** @returns undefined if the token is not good for a refresh */
async function rotate(
  { db, config }: SessionsDeps,
  token: RefreshToken,
  caller: Caller,
  accessExpiresAt: Date,
  isProven: boolean,
): Promise<Refreshed | undefined> {
  const { counter } = token;
  const rotates = Prisma.sql`s.counter <= ${counter}`;
  const [row] = await db.direct<Refreshed>(Prisma.sql`
    WITH refreshed AS (UPDATE session s SET
      counter = CASE WHEN ${rotates} THEN ${counter} + 1 ELSE s.counter END,
      rotated_at = CASE WHEN ${rotates} THEN clock_timestamp() ELSE s.rotated_at END,
      ip = CASE WHEN ${rotates} THEN ${caller.address} ELSE s.ip END,
      user_agent = CASE WHEN ${rotates} THEN ${caller.userAgent ?? null} ELSE s.user_agent END,
      needs_access_cookie = s.needs_access_cookie OR ${isProven},
      access_expires_at = greatest(s.access_expires_at, ${accessExpiresAt}::timestamptz)
    FROM "user" u, (SELECT counter FROM session WHERE id = ${token.sessionId}::uuid) seen
    WHERE ${isSessionOf(token)} AND s.ended_at IS NULL AND u.id = s.user_id AND s.epoch = u.epoch AND u.disabled_at IS NULL
      AND (${isProven} OR NOT s.needs_access_cookie) AND ${isOfAge(config.tokens, token.sessionId)}
      AND (${rotates} OR (s.counter = ${counter} + 1 AND s.rotated_at > clock_timestamp() - ${seconds(config.tokens.refreshGrace)}))
    RETURNING u.id, u.kind, u.username, u.email, u.email_verified_at AS "emailVerifiedAt", u.roles, u.version,
      s.epoch, ${authenticationColumns}, u.created_at AS "createdAt", u.updated_at AS "updatedAt", s.counter AS "counterNow", seen.counter AS "counterSeen",
      s.ip AS "lastIp", s.user_agent AS "lastUserAgent",
      ceil(extract(epoch FROM least(s.rotated_at + ${seconds(config.tokens.refreshTtl)},
        s.created_at + ${seconds(config.tokens.sessionMaxAge)}) - clock_timestamp()))::int AS "refreshExpiresIn"
    ), ${refreshEvents(token, caller)}
    SELECT * FROM refreshed`);
  return row;
}

function isProven({ sessionId }: RefreshToken, proof: CookieProof | undefined): boolean {
  return !proof || (proof.accessToken !== undefined && namedSession(proof.accessToken) === sessionId);
}

/** Records unusual refreshes in the same statement; normally nothing. */
function refreshEvents({ sessionId, counter }: RefreshToken, caller: Caller): Prisma.Sql {
  const [user, detail] = [Prisma.sql`refreshed.id`, { session_id: sessionId }];
  // The token is newer than its row: a backup was restored.
  const whereAhead = Prisma.sql`FROM refreshed WHERE "counterSeen" < ${counter}`;
  // A rotation stores its caller, so another caller in the row means an answer within the grace.
  const whereGrace = Prisma.sql`FROM refreshed WHERE "lastIp" IS DISTINCT FROM ${caller.address}
    OR "lastUserAgent" IS DISTINCT FROM ${caller.userAgent ?? null}`;
  return Prisma.sql`
    ahead AS (${auditEvent('refresh.ahead', user, { caller }, detail, whereAhead)}),
    grace AS (${countedEvent('refresh.grace', user, caller, detail, whereGrace)})`;
}

/** Theft or age? If a token is used after the grace, two parties have it: the session ends. */
async function refusalOf(deps: SessionsDeps, token: RefreshToken, caller: Caller): Promise<ErrorCode> {
  const { config, db } = deps;
  const reused = Prisma.sql`id IN (
    SELECT s.id FROM session s WHERE ${isSessionOf(token)} AND ${isOfAge(config.tokens, token.sessionId)}
      AND (s.counter > ${token.counter} + 1 OR (s.counter = ${token.counter} + 1
        AND s.rotated_at <= clock_timestamp() - ${seconds(config.tokens.refreshGrace)})))`;
  const ended = await endSessions(db, reused, 'refresh_token_reused', { caller }, 'refresh.reused');
  if (rememberEnded(deps, ended) > 0) return 'refresh_token_reused';
  const [row] = await db.$queryRaw<unknown[]>`
    SELECT FROM session s JOIN "user" u ON u.id = s.user_id
    WHERE ${isSessionOf(token)} AND (s.ended_at IS NOT NULL OR s.epoch <> u.epoch)`;
  return row ? 'session_revoked' : 'invalid_refresh_token';
}

/**
 * Ends the session of a genuine refresh token, even of a replaced one. An ended session is no error.
 * @throws AppError invalid_refresh_token if it is not genuine
 */
export async function endSessionOf(deps: SessionsDeps, text: string, reason: EndReason, actor: Actor): Promise<void> {
  const token = openRefreshToken(deps.keys, text);
  if (!token) throw new AppError('invalid_refresh_token');
  const which = Prisma.sql`id IN (SELECT s.id FROM session s WHERE ${isSessionOf(token)})`;
  rememberEnded(deps, await endSessions(deps.db, which, reason, actor));
}

function isSessionOf({ sessionId, nonce }: RefreshToken): Prisma.Sql {
  return Prisma.sql`s.id = ${sessionId}::uuid AND s.nonce_hash = ${nonceHash(nonce)}`;
}

/** A condition on the session's row `s`: neither idle too long nor too old, by the database's clock. */
function isOfAge({ refreshTtl, sessionMaxAge }: SessionSettings, sessionId: string): Prisma.Sql {
  return Prisma.sql`s.rotated_at > clock_timestamp() - ${seconds(refreshTtl + idleJitter(refreshTtl, sessionId))}
    AND s.created_at > clock_timestamp() - ${seconds(sessionMaxAge)}`;
}

function seconds(count: number): Prisma.Sql {
  return Prisma.sql`make_interval(secs => ${count})`;
}

/** Extra seconds, so that sessions that began together do not all expire together; the same on every instance. */
function idleJitter(refreshTtl: number, sessionId: string): number {
  return (Number.parseInt(sessionId.slice(-4), 16) / 0xffff) * maxIdleJitter(refreshTtl);
}

/** The most seconds that a session may be idle beyond `refreshTtl`: 5 %, at most an hour. */
export function maxIdleJitter(refreshTtl: number): number {
  return Math.min(refreshTtl / 20, 3600);
}
