import { auditEvent } from '../audit/events.js';
import { newToken, tokenHash } from '../email/one-time-tokens.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import type { Db } from '../platform/db/database.js';
import type { Amr } from '../sessions/authentication.js';
import type { External } from '../sessions/external.js';
import { lockedBy, type Proof } from '../sessions/start.js';
import { type User, userColumns } from '../users/users.js';
import { type Factors, factorColumns } from './factors.js';

/** In seconds. */
const life = 300;

const mostTries = 5;

type Askable = { totp: boolean; passkey: boolean; recovery_code: boolean };

/**
 * Keeps a first factor for a while, and asks for the second one.
 * @returns the refusal that has the login token; undefined if the proof does not count any more
 */
export async function challenge({ db }: { db: Db }, first: Proof, caller: Caller): Promise<AppError | undefined> {
  const { userId, amr, external = null } = first;
  const { token, hash } = newToken();
  const recorded = auditEvent('login.challenged', userId, { caller }, {}, Prisma.sql`FROM attempt`);
  const [methods] = await db.direct<Askable>(Prisma.sql`
    WITH ${lockedBy(first, Prisma.sql`second_factor <> 'off'`)}, attempt AS (
      INSERT INTO login_attempt (hash, user_id, epoch, amr, external, expires_at)
      SELECT ${hash}::bytea, id, epoch, ${amr}::text[], ${external && JSON.stringify(external)}::jsonb,
        clock_timestamp() + make_interval(secs => ${life})
      FROM locked RETURNING user_id
    ), recorded AS (${recorded})
    SELECT u.second_factor = 'any' AND EXISTS (
        SELECT FROM totp WHERE user_id = u.id AND confirmed_at IS NOT NULL) AS totp,
      EXISTS (SELECT FROM passkey WHERE user_id = u.id) AS passkey,
      EXISTS (SELECT FROM recovery_code WHERE user_id = u.id) AS recovery_code
    FROM locked u`);
  if (!methods) return undefined;
  const names = (['totp', 'passkey', 'recovery_code'] as const).filter((name) => methods[name]);
  return new AppError('second_factor_required', { members: { login_token: token, expires_in: life, methods: names } });
}

/** @property first what was proven before */
export type Tried = { user: User; factors: Factors; first: Proof };

/**
 * Counts a try before anything is compared, and reads what to compare with.
 * @throws AppError login_expired
 */
export async function countTry({ db }: { db: Db }, token: string, code: string): Promise<Tried> {
  const [row] = await db.direct<User & Factors & { firstAmr: Amr[]; external: External | null }>(Prisma.sql`
    WITH tried AS (
      UPDATE login_attempt a SET tries = a.tries + 1 FROM "user" u
      WHERE a.hash = ${tokenHash(token)}::bytea AND a.tries < ${mostTries} AND a.expires_at > clock_timestamp()
        AND u.id = a.user_id AND u.epoch = a.epoch AND u.disabled_at IS NULL
      RETURNING a.user_id, a.amr, a.external
    )
    SELECT ${userColumns}, ${factorColumns(code, undefined)}, tried.amr AS "firstAmr",
      tried.external
    FROM tried JOIN "user" u ON u.id = tried.user_id`);
  if (!row) throw new AppError('login_expired');
  const { firstAmr, external, now, totps, recoveryCodes, isRecoveryCode, isTrusted, ...user } = row;
  return {
    user,
    factors: { now, totps, recoveryCodes, isRecoveryCode, isTrusted },
    first: { userId: user.id, epoch: user.epoch, amr: firstAmr, acr: 'aal1', ...(external && { external }) },
  };
}

/** The first step of a `spend`, as `attempt`: a login token is good once. */
export function spendAttempt(token: string): Prisma.Sql {
  return Prisma.sql`attempt AS (
    DELETE FROM login_attempt a USING locked
    WHERE a.hash = ${tokenHash(token)}::bytea AND a.user_id = locked.id AND a.epoch = locked.epoch
      AND a.expires_at > clock_timestamp()
    RETURNING a.user_id)`;
}
