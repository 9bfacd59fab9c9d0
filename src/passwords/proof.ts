import type { Context } from '../endpoint.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { type Demand, meets } from '../sessions/authentication.js';
import type { Proof } from '../sessions/start.js';
import { insufficientAuthentication } from '../sessions/step-up.js';
import { findById, type User } from '../users/users.js';
import { checkPasswordOf } from './check.js';

/** A password that was compared with this hash. */
export function passwordProof(user: Pick<User, 'id' | 'epoch'>, passwordHash: string): Proof {
  const still = Prisma.sql`password_hash = ${passwordHash}`;
  return { userId: user.id, epoch: user.epoch, amr: ['pwd'], acr: 'aal1', still };
}

/** A user who has just proven who they are. @property passwordHash the one that was compared, if one was */
export type ProvenUser = { user: User; passwordHash: string | undefined };

/**
 * Under the lock of the user's row: the password is still the one that was compared, and no second factor is on since.
 * @throws AppError invalid_credentials
 */
export function requireStillProven(now: User, { user, passwordHash }: ProvenUser): void {
  const isOnNow = now.secondFactor !== 'off' && user.secondFactor === 'off';
  const isSame = passwordHash === undefined ? now.epoch === user.epoch : now.passwordHash === passwordHash;
  if (isOnNow || !isSame) throw new AppError('invalid_credentials');
}

type ProofContext = Pick<Context<AccessClaims>, 'deps' | 'principal' | 'caller'>;

/** Where the password stands in the body, and whether a fresh sign-in will not do instead of it. */
type Asked = { field?: string; always?: boolean };

/**
 * What a row with *proof* asks for, so that a stolen access token is not enough (ASVS 7.5.1): from a user whose second
 * factor is on, a fresh sign-in with two factors; else the password, or a fresh sign-in with two factors in its place;
 * from a user without a password, a fresh sign-in.
 * @param password what the body has
 * @throws AppError insufficient_user_authentication, validation_failed without a password, invalid_credentials, overloaded
 */
export async function requireProof(
  { deps, principal, caller }: ProofContext,
  password: string | undefined,
  { field = 'password', always = false }: Asked = {},
): Promise<ProvenUser> {
  const user = await findById(deps, principal.sub);
  // The user was deleted a moment ago, so the session has ended.
  if (!user) throw new AppError('session_revoked');
  const maxAge = deps.config.freshAuthMaxAge;
  const isFresh = (demand: Demand) => meets(principal, demand, Date.now() / 1000);
  const strong: Demand = { acr: 'aal2', maxAge };
  if (user.secondFactor !== 'off' && !isFresh(strong)) throw insufficientAuthentication(strong);
  if (user.passwordHash === null) {
    if (!isFresh({ maxAge })) throw insufficientAuthentication({ maxAge });
    return { user, passwordHash: undefined };
  }
  if (password === undefined && !always && isFresh(strong)) return { user, passwordHash: undefined };
  if (password === undefined)
    throw new AppError('validation_failed', { errors: [{ path: field, message: 'This needs your password.' }] });
  return checkPasswordOf(deps, user, principal.sid, password, caller);
}
