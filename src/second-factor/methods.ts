import { AppError } from '../errors.js';
import type { ProvenUser } from '../passwords/proof.js';
import { areForFew, permissionsOf } from '../permissions/permissions.js';
import type { Db, Transaction } from '../platform/db/database.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { type Acr, isAtLeast, stronger, weaker } from '../sessions/authentication.js';
import { insufficientAuthentication, requireAuthentication } from '../sessions/step-up.js';
import { lockUser } from '../users/users.js';

/** The most bytes of a passkey's public key: twice what RSA of 4096 bits needs. */
export const mostPublicKeyBytes = 1_024;

export const secondFactors = ['off', 'any', 'passkey'] as const;

/** Whether a second factor is asked for: `any`, or `passkey` alone. */
export type SecondFactor = (typeof secondFactors)[number];

/** What a user can sign in with. */
type Methods = {
  hasPassword: boolean;
  secondFactor: SecondFactor;
  /** Confirmed ones. */
  totps: number;
  passkeys: number;
  recoveryCodes: number;
  /** Those of providers that are set. */
  identities: number;
};

type Counts = Pick<Methods, 'totps' | 'passkeys' | 'recoveryCodes'>;

/** A user with their methods. */
export type Holder = Methods & { roles: string[]; hasUnverifiedEmail: boolean };

type Row = Holder & { passwordHash: string | null; isLive: boolean };

type Session = Pick<AccessClaims, 'sub' | 'sid'>;

/**
 * Locks a user for a change of their methods, and reads these.
 * @param proven what was proven before the lock: it must still hold
 * @throws AppError invalid_credentials, insufficient_user_authentication, and as {@link readMethods}
 */
export async function lockMethods(
  tx: Transaction,
  session: Session,
  issuers: string[],
  proven?: ProvenUser,
): Promise<Holder> {
  await lockUser(tx, session.sub);
  const locked = await readMethods(tx, session, issuers);
  if (proven) requireStillProven(locked, proven);
  return locked;
}

/**
 * @param session the live session that asks
 * @param issuers of the providers that are set
 * @throws AppError session_revoked
 */
export async function readMethods(db: Db | Transaction, { sub, sid }: Session, issuers: string[]): Promise<Row> {
  const [row] = await db.$queryRaw<Row[]>`
    SELECT u.password_hash AS "passwordHash", u.password_hash IS NOT NULL AS "hasPassword", u.roles,
      u.second_factor AS "secondFactor",
      u.email_verified_at IS NULL AND coalesce(u.email, u.pending_email) IS NOT NULL AS "hasUnverifiedEmail",
      (SELECT count(*)::int FROM totp WHERE user_id = u.id AND confirmed_at IS NOT NULL) AS totps,
      (SELECT count(*)::int FROM passkey WHERE user_id = u.id) AS passkeys,
      (SELECT count(*)::int FROM recovery_code WHERE user_id = u.id) AS "recoveryCodes",
      (SELECT count(*)::int FROM identity WHERE user_id = u.id AND issuer = ANY(${issuers}::text[])) AS identities,
      EXISTS (SELECT FROM session s WHERE s.id = ${sid}::uuid AND s.user_id = u.id AND s.ended_at IS NULL
        AND s.epoch = u.epoch) AS "isLive"
    FROM "user" u WHERE u.id = ${sub}::uuid`;
  if (!row?.isLive) throw new AppError('session_revoked');
  return row;
}

type AskedAcr = { required: Acr; admin: Acr };

/**
 * What the server asks of the user at most: who may more than everybody, by whichever role, must not prepare a weaker way
 * to `/admin/`.
 */
export function askedOf({ roles }: Pick<Holder, 'roles'>, { required, admin }: AskedAcr): Acr {
  return areForFew(permissionsOf('person', roles)) ? stronger(required, admin) : required;
}

/** The strongest sign-in that the user's methods are good for. */
function strongestOf({ hasPassword, secondFactor, totps, passkeys }: Methods): Acr {
  if (passkeys > 0) return 'phr';
  // Without a second factor that is on, a code is taken beside the password alone.
  return totps > 0 && (hasPassword || secondFactor === 'any') ? 'aal2' : 'aal1';
}

/**
 * A change of methods takes what the server asks of the user, as far as they have what shows it. Who has nothing yet can
 * so add it; who has something does not get around it by the password alone.
 * @throws AppError insufficient_user_authentication
 */
export function requireStanding(claims: AccessClaims, holder: Holder, settings: AskedAcr): void {
  requireAuthentication(claims, { acr: weaker(askedOf(holder, settings), strongestOf(holder)) });
}

function requireStillProven(locked: Row, { user, passwordHash }: ProvenUser): void {
  if (passwordHash !== undefined && locked.passwordHash !== passwordHash) throw new AppError('invalid_credentials');
  const isOnNow = locked.secondFactor !== 'off' && user.secondFactor === 'off';
  if (isOnNow) throw insufficientAuthentication({ acr: 'aal2' });
}

/** A stranger must not prepare a user under another person's address. @throws AppError email_unverified */
export function requireSoundEmail({ hasUnverifiedEmail }: { hasUnverifiedEmail: boolean }): void {
  if (hasUnverifiedEmail)
    throw new AppError('email_unverified', { detail: 'Verify the e-mail address first: then methods can be added.' });
}

/** Whether a user with these methods can give a first factor. */
export function canSignIn({ hasPassword, passkeys, identities }: Methods): boolean {
  return hasPassword || passkeys + identities > 0;
}

/** Whether a user with these methods can be asked for that, and can recover. */
export function isAskable({ totps, passkeys, recoveryCodes }: Counts, to: SecondFactor): boolean {
  if (to === 'any') return totps + passkeys > 0;
  return to === 'off' || passkeys > 1 || (passkeys === 1 && recoveryCodes > 0);
}

/** @throws AppError last_sign_in_method if there would be nothing to ask for, or too little is asked */
export function requireAskable(methods: Methods, to: SecondFactor, required: Acr): void {
  if (to === 'off' && required !== 'aal1')
    throw new AppError('last_sign_in_method', { detail: 'This server asks every user for a second factor.' });
  if (isAskable(methods, to)) return;
  const detail =
    to === 'any'
      ? 'Add an authenticator app or a passkey first.'
      : 'This needs two passkeys, or one and recovery codes.';
  throw new AppError('last_sign_in_method', { detail });
}

/**
 * What is asked for after a removal: nothing, if it was the last.
 * @throws AppError last_sign_in_method if without it the user could not sign in as it is asked
 */
export function afterRemoval(methods: Methods, of: 'totps' | 'passkeys', required: Acr): SecondFactor {
  const left = { ...methods, [of]: methods[of] - 1 };
  const cannotMeet = of === 'passkeys' && isAtLeast(required, 'phr') && left.passkeys === 0;
  if (!canSignIn(left) || cannotMeet) throw new AppError('last_sign_in_method');
  const isNone = left.totps + left.passkeys === 0;
  const to = isNone ? 'off' : left.secondFactor;
  // Where it was off, it may stay so: what is left meets what the server asks.
  if (isNone || to !== 'off') requireAskable(left, to, required);
  return to;
}
