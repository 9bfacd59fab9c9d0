import { countedEvent } from '../audit/counted-events.js';
import type { Deps } from '../deps.js';
import { AppError } from '../errors.js';
import type { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import type { Proof } from '../sessions/start.js';

/** A second factor that was right. It counts only once it is spent, in the statement of what it earns. */
export type GivenFactor = Pick<Proof, 'amr' | 'acr' | 'wrongCodes' | 'also'> & {
  /** As `spend` of a {@link Proof}, if an earlier common table expression has a row. */
  spendAfter(name: string): Prisma.Sql;
  /** After a recovery code. */
  recoveryCodesLeft?: number;
};

/** What both factors prove. */
export type FullProof = Proof & { recoveryCodesLeft?: number };

/**
 * What a passkey's answer proves, from the room that knows passkeys.
 * @param userId whose passkey it must be
 * @throws AppError challenge_expired, invalid_credentials, account_disabled, validation_failed
 */
export type CheckPasskey = (deps: Deps, passkey: unknown, userId: string, caller: Caller) => Promise<GivenFactor>;

/** A refused passkey is recorded. @throws AppError as {@link CheckPasskey} */
export async function givenByPasskey(
  deps: Deps,
  checkPasskey: CheckPasskey | undefined,
  passkey: object,
  userId: string,
  caller: Caller,
): Promise<GivenFactor> {
  try {
    if (!checkPasskey) throw new AppError('invalid_credentials');
    return await checkPasskey(deps, passkey, userId, caller);
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_credentials') {
      deps.metrics.signIns.refused('passkey');
      await deps.db.$executeRaw(countedEvent('second_factor.failed', userId, caller));
    }
    throw error;
  }
}

/** @param after the common table expression that must have a row: the user, or what else is spent first */
export function withSecondFactor(first: Proof, given: GivenFactor, after = 'locked'): FullProof {
  const { amr, acr, spendAfter, recoveryCodesLeft, wrongCodes, also } = given;
  return {
    ...first,
    amr: [...first.amr, ...amr],
    acr,
    spend: spendAfter(after),
    ...(wrongCodes && { wrongCodes }),
    ...(also && { also }),
    ...(recoveryCodesLeft !== undefined && { recoveryCodesLeft }),
  };
}
