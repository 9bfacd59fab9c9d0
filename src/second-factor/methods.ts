import { AppError } from '../errors.js';
import type { ProvenUser } from '../passwords/proof.js';
import type { Transaction } from '../platform/db/database.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { type Acr, isAtLeast } from '../sessions/authentication.js';
import { insufficientAuthentication } from '../sessions/step-up.js';
import { lockUser } from '../users/users.js';

/** The most bytes of a passkey's public key: twice what RSA of 4096 bits needs. */
export const mostPublicKeyBytes = 1_024;

export const secondFactors = ['off', 'any', 'passkey'] as const;

/** Whether a second factor is asked for: `any`, or `passkey` alone. */
export type SecondFactor = (typeof secondFactors)[number];

/** What a user can sign in with. */
export type Methods = {
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

type Locked = Methods & { passwordHash: string | null; hasUnverifiedEmail: boolean; isLive: boolean };

/**
 * Locks a user for a change of their methods, and reads these.
 * @param session the live session that asks for it
 * @param providers the names of those that are set
 * @param proven what was proven before the lock: it must still hold
 * @throws AppError session_revoked, invalid_credentials, insufficient_user_authentication
 */
export async function lockMethods(
  tx: Transaction,
  { sub, sid }: Pick<AccessClaims, 'sub' | 'sid'>,
  providers: string[],
  proven?: ProvenUser,
): Promise<Methods & { hasUnverifiedEmail: boolean }> {
  await lockUser(tx, sub);
  const [locked] = await tx.$queryRaw<Locked[]>`
    SELECT u.password_hash AS "passwordHash", u.password_hash IS NOT NULL AS "hasPassword",
      u.second_factor AS "secondFactor", u.email IS NOT NULL AND u.email_verified_at IS NULL AS "hasUnverifiedEmail",
      (SELECT count(*)::int FROM totp WHERE user_id = u.id AND confirmed_at IS NOT NULL) AS totps,
      (SELECT count(*)::int FROM passkey WHERE user_id = u.id) AS passkeys,
      (SELECT count(*)::int FROM recovery_code WHERE user_id = u.id) AS "recoveryCodes",
      (SELECT count(*)::int FROM identity WHERE user_id = u.id AND provider = ANY(${providers}::text[])) AS identities,
      EXISTS (SELECT FROM session s WHERE s.id = ${sid}::uuid AND s.user_id = u.id AND s.ended_at IS NULL
        AND s.epoch = u.epoch) AS "isLive"
    FROM "user" u WHERE u.id = ${sub}::uuid`;
  if (!locked?.isLive) throw new AppError('session_revoked');
  if (proven) requireStillProven(locked, proven);
  return locked;
}

function requireStillProven(locked: Locked, { user, passwordHash }: ProvenUser): void {
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
