import type { Deps } from '../deps.js';
import { AppError } from '../errors.js';
import type { Caller } from '../platform/caller.js';
import { checkCodeSilently } from '../second-factor/check-code.js';
import { factorsOf } from '../second-factor/factors.js';
import { type FullProof, withSecondFactor } from '../second-factor/given-factor.js';
import { mayTrustDevices, onTrustedDevice } from '../second-factor/trusted-devices.js';
import type { Proof } from '../sessions/start.js';
import type { User } from '../users/users.js';
import { codeAlong } from './guard.js';

type WithPassword = {
  user: User;
  /** What the password alone proves. */
  first: Proof;
  body: { code?: string | undefined };
  deviceId: string | undefined;
  caller: Caller;
};

/**
 * What a right password proves, together with the code that came along.
 * @param deviceId the known device
 * @returns undefined if a second factor is due
 * @throws AppError invalid_credentials for a wrong code, as for a wrong password
 */
export async function proofOf(
  deps: Deps,
  { user, first, body, deviceId, caller }: WithPassword,
): Promise<FullProof | undefined> {
  if (user.secondFactor === 'off') return first;
  const code = codeAlong(deps.config, body);
  if (code === undefined) return undefined;
  const factors = await factorsOf(deps, user.id, code, deviceId);
  const isSpared = body.code === undefined && factors.isTrusted && mayTrustDevices(deps, user);
  if (isSpared && deviceId !== undefined) return onTrustedDevice(first, deviceId);
  const given = await checkCodeSilently(deps, { user, factors, code, deviceId, caller });
  if (!given) throw new AppError('invalid_credentials');
  return withSecondFactor(first, given);
}
