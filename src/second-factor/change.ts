import { type Actor, auditEvent } from '../audit/events.js';
import type { Context } from '../endpoint.js';
import type { ProvenUser } from '../passwords/proof.js';
import type { Transaction } from '../platform/db/database.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { commitChange, endEverything } from '../sessions/end.js';
import type { Revocation } from '../sessions/revocations.js';
import { type Holder, lockMethods, requireStanding, type SecondFactor } from './methods.js';

/** Who changes their methods, and in which session. */
export type Changing = Pick<Context<AccessClaims>, 'deps' | 'principal' | 'caller'>;

/**
 * What a change does to sign-ins: nothing; or it voids those that are half-way; or it ends every other session, for this
 * reason.
 */
type Effect = 'none' | 'voids_logins' | 'second_factor_changed' | 'password_removed';

/** @property ended sessions that the change itself has ended */
type Outcome<T> = { result: T; effect: Effect; ended?: Revocation[] };

type Change<T> = (tx: Transaction, methods: Holder, actor: Actor) => Promise<Outcome<T>>;

/**
 * Changes a user's methods in a transaction that has locked the user.
 * @param proven what was proven before; it is checked again under the lock
 * @throws as `change`, {@link lockMethods} and {@link requireStanding}
 */
export async function changeMethods<T>(
  changing: Changing,
  proven: ProvenUser | undefined,
  change: Change<T>,
): Promise<T> {
  return (await changeMethodsAndEpoch(changing, proven, change)).result;
}

/** The same. @returns with it the new epoch, if every other session ended: no device is known under it yet */
export async function changeMethodsAndEpoch<T>(
  { deps, principal, caller }: Changing,
  proven: ProvenUser | undefined,
  change: Change<T>,
): Promise<{ result: T; epoch: number | undefined }> {
  const actor: Actor = { actorId: principal.sub, caller };
  const done: { result: T; epoch: number | undefined }[] = [];
  await commitChange(deps, async (tx) => {
    const issuers = deps.config.providers.map(({ issuer }) => issuer);
    const methods = await lockMethods(tx, principal, issuers, proven);
    requireStanding(principal, methods, deps.config.acr);
    const { result, effect, ended = [] } = await change(tx, methods, actor);
    const { epoch, revocations } = await endFor(tx, principal, effect, actor);
    // The transaction may run again.
    done[0] = { result, epoch };
    return [...ended, ...revocations];
  });
  return done[0] as { result: T; epoch: number | undefined };
}

async function endFor(
  tx: Transaction,
  { sub, sid }: AccessClaims,
  effect: Effect,
  actor: Actor,
): Promise<{ epoch: number | undefined; revocations: Revocation[] }> {
  if (effect !== 'none' && effect !== 'voids_logins') return endEverything(tx, sub, effect, actor, sid);
  if (effect === 'voids_logins') await tx.$executeRaw`DELETE FROM login_attempt WHERE user_id = ${sub}::uuid`;
  return { epoch: undefined, revocations: [] };
}

/** Turns the second factor on or off. The caller ends other sessions. */
export async function setSecondFactor(tx: Transaction, userId: string, to: SecondFactor, actor: Actor): Promise<void> {
  await tx.$executeRaw`
    UPDATE "user" SET second_factor = ${to}, wrong_codes = 0, updated_at = clock_timestamp() WHERE id = ${userId}::uuid`;
  await tx.$executeRaw(auditEvent('second_factor.changed', userId, actor, { to }));
}
