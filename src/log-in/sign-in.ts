import type { Deps } from '../deps.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { Caller } from '../platform/caller.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import type { FullProof } from '../second-factor/given-factor.js';
import { challenge } from '../second-factor/login-attempts.js';
import { mayTrustDevices, onTrustedDevice, trusting } from '../second-factor/trusted-devices.js';
import { deviceIdOf, deviceTokenFor } from '../sessions/known-devices.js';
import { type Proof, type SessionTokens, startSession } from '../sessions/start.js';
import type { User } from '../users/users.js';
import { askBeforeLogIn, type HowAsked } from './before.js';
import { recordFailedLogin } from './guard.js';
import { countLogin } from './limits.js';

/** @property knownId only if the user has signed in on it before */
export type Device = { token: string; id: string; knownId: string | undefined };

export function deviceOf({ keys }: Pick<Deps, 'keys'>, user: User, presented: string | undefined): Device {
  const token = deviceTokenFor(keys, user, presented);
  const id = deviceIdOf(keys, user, token) ?? '';
  return { token, id, knownId: token === presented ? id : undefined };
}

type SigningIn = {
  user: User;
  /** What the first factor proves. */
  first: Proof;
  /** What all factors prove; undefined if a second one is due. */
  proof: FullProof | undefined;
  device: Device;
  /** Whether the device is to be trusted from now on. */
  remembers?: boolean;
  /** What own/hooks.ts is told of it. */
  how: HowAsked;
  caller: Caller;
};

export type SignedIn = { tokens: SessionTokens; deviceToken: string; recoveryCodesLeft: number | undefined };

/**
 * Signs in who has given the first factor, unless a second one is due that neither came along nor is spared.
 * @returns undefined if what was proven does not count any more
 * @throws AppError second_factor_required, account_disabled, email_unverified, rate_limited, login_refused
 */
export async function signIn(deps: Deps, signingIn: SigningIn): Promise<SignedIn | undefined> {
  const { user, first, proof, device, how, caller } = signingIn;
  if (user.disabledAt) {
    await recordFailedLogin(deps, user, caller, 'user_disabled');
    throw new AppError('account_disabled');
  }
  if (user.pendingUntil) throw new AppError('email_unverified');
  await countLogin(deps, proof ?? first, device.knownId);
  await askBeforeLogIn(deps, user, how, caller);
  if (proof) return begin(deps, signingIn, proof);
  const spared = await beginTrusted(deps, signingIn);
  if (spared) return spared;
  const due = await challenge(deps, first, caller);
  if (due) throw due;
  return undefined;
}

async function beginTrusted(deps: Deps, signingIn: SigningIn): Promise<SignedIn | undefined> {
  const { user, first, device } = signingIn;
  if (device.knownId === undefined || !mayTrustDevices(deps, user)) return undefined;
  return begin(deps, signingIn, onTrustedDevice(first, device.knownId));
}

async function begin(deps: Deps, signingIn: SigningIn, proof: FullProof): Promise<SignedIn | undefined> {
  const { device, remembers, caller } = signingIn;
  const isFull = proof.acr !== 'aal1';
  const earning = isFull && remembers ? trusting(deps, proof, device.id, caller) : proof;
  const mail = device.knownId === undefined ? enqueueNotice('new_device', Prisma.sql`FROM u`, caller) : undefined;
  const isTrusted = proof.spend !== undefined && !isFull;
  const tokens = await startSession(deps, earning, caller, mail, isTrusted ? { trusted_device: true } : {});
  return tokens && { tokens, deviceToken: device.token, recoveryCodesLeft: proof.recoveryCodesLeft };
}
