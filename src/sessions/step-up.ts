import type { RequestHandler } from 'express';
import { auditEvent } from '../audit/events.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import { type User, userColumns } from '../users/users.js';
import { type AccessClaims, signAccessToken } from './access-tokens.js';
import { type Acr, type Authentication, type Demand, meets, stronger } from './authentication.js';
import { alsoBy, lockedAndSpent, type Proof, type SessionsDeps, wrongCodesAfter } from './start.js';

/** The token is good, but not for this: RFC 9470 §3. */
export function insufficientAuthentication({ acr, maxAge }: Demand): AppError {
  return new AppError('insufficient_user_authentication', {
    members: { ...(acr !== undefined && { acr_values: acr }), ...(maxAge !== undefined && { max_age: maxAge }) },
  });
}

/** @throws AppError insufficient_user_authentication */
export function requireAuthentication(claims: AccessClaims, demand: Demand): void {
  if (!meets(claims, demand, Date.now() / 1000)) throw insufficientAuthentication(demand);
}

/**
 * For what outlives the session that makes it: one that was stolen long ago must not become it. A key passes: it is no
 * sign-in, and making it took one.
 * @param maxAge seconds
 * @throws AppError insufficient_user_authentication
 */
export function requireFreshSignIn(claims: AccessClaims, maxAge: number): void {
  if (claims.kind === 'session') requireAuthentication(claims, { maxAge });
}

/** `REQUIRED_ACR` and `ADMIN_ACR`. */
type Settings = { required: Acr; admin: Acr };

type DemandingRow = {
  path: string;
  guard: { hasClaims?: true; optional?: true };
  acr?: string;
  maxAge?: number;
};

/**
 * What a row asks of the sign-in behind its token, whichever guard reads it: its own `acr` and `maxAge`, and what the
 * settings ask of every row. A row that says `aal1` is spared the settings: who lacks what they ask for must be able to
 * get it. So is one that is open without a token, too.
 * @returns the step that checks it, or none
 */
export function stepUpOf({ path, guard, acr, maxAge }: DemandingRow, settings: Settings): RequestHandler[] {
  if (!guard.hasClaims) return [];
  const asked = path.startsWith('/admin/') ? stronger(settings.admin, settings.required) : settings.required;
  const isSpared = acr === 'aal1' || guard.optional;
  const own = (acr ?? 'aal1') as Acr;
  const least = isSpared ? own : stronger(own, asked);
  const demand: Demand = { ...(least !== 'aal1' && { acr: least }), ...(maxAge !== undefined && { maxAge }) };
  if (Object.keys(demand).length === 0) return [];
  return [
    (_req, res, next) => {
      const claims = res.locals.principal as AccessClaims | AppError;
      // A key is no sign-in; making it took one. A row that asks by itself takes no key.
      if (!(claims instanceof AppError) && claims.kind === 'session') requireAuthentication(claims, demand);
      next();
    },
  ];
}

/** A live session after a step-up, with a new access token; its refresh token stays. */
export type SteppedUp = {
  sessionId: string;
  user: User;
  authentication: Authentication;
  accessToken: string;
  /** In seconds. */
  accessExpiresIn: number;
};

/**
 * Writes a full proof into a live session, in one statement. The access tokens of before stay what they were.
 * @returns undefined if the proof does not count, or no more, or the session has ended
 */
export async function stepUpSession(
  { db, keys, config: { tokens }, outboxWake, ownClaims }: Omit<SessionsDeps, 'revocations'>,
  sessionId: string,
  proof: Proof,
  caller: Caller,
): Promise<SteppedUp | undefined> {
  const { userId, amr, acr } = proof;
  const spend = proof.spend ?? Prisma.sql`spent AS (SELECT FROM locked WHERE second_factor = 'off')`;
  const issuedAt = Math.floor(Date.now() / 1000);
  const accessExpiresAt = new Date((issuedAt + tokens.accessTtl) * 1000);
  const detail = { session_id: sessionId, amr, acr };
  const recorded = auditEvent('reauthenticated', userId, { actorId: userId, caller }, detail, Prisma.sql`FROM s`);
  const [row] = await db.direct<User & { authTime: Date }>(Prisma.sql`
    WITH ${lockedAndSpent(proof, spend)}, s AS (
      UPDATE session SET amr = ${amr}::text[], acr = ${acr}, auth_time = clock_timestamp(),
        access_expires_at = greatest(access_expires_at, ${accessExpiresAt}::timestamptz)
      FROM locked, (SELECT FROM spent LIMIT 1) spent
      WHERE session.id = ${sessionId}::uuid AND session.user_id = locked.id AND session.ended_at IS NULL
        AND session.epoch = locked.epoch
      RETURNING session.auth_time
    ), u AS (
      UPDATE "user" SET wrong_codes = ${wrongCodesAfter(proof)} FROM locked, s WHERE "user".id = locked.id
      RETURNING "user".*
    ), recorded AS (${recorded}) ${alsoBy(proof)}
    SELECT ${userColumns}, (SELECT auth_time FROM s) AS "authTime" FROM u`);
  if (!row) return undefined;
  if (proof.also) outboxWake?.wake();
  const { authTime, ...user } = row;
  const authentication = { amr, acr, authTime };
  return {
    sessionId,
    user,
    authentication,
    accessToken: signAccessToken(
      keys,
      tokens,
      { ...user, ...authentication, sessionId, own: ownClaims(user) },
      issuedAt,
    ),
    accessExpiresIn: tokens.accessTtl,
  };
}
