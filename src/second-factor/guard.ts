import type { Request } from 'express';
import type { Deps } from '../deps.js';
import type { Guard } from '../endpoint.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import { callerOf } from '../platform/http/caller.js';
import { readCookies } from '../platform/http/cookies.js';
import { proofStep } from '../platform/http/passport.js';
import { tellLimits } from '../platform/http/rate-limit-headers.js';
import { presentedDevice } from '../sessions/cookies.js';
import { deviceIdOf } from '../sessions/known-devices.js';
import type { User } from '../users/users.js';
import { checkCode } from './check-code.js';
import {
  type CheckPasskey,
  type FullProof,
  type GivenFactor,
  givenByPasskey,
  withSecondFactor,
} from './given-factor.js';
import { countTry, spendAttempt, type Tried } from './login-attempts.js';

/** Who has given both factors; `isByPasskey` tells how the second one. */
export type BothFactors = { user: User; proof: FullProof; isByPasskey: boolean };

/**
 * Requires a login token and a second factor in the body.
 * @param checkPasskey without it no passkey is right
 */
export function secondFactorGuard(checkPasskey?: CheckPasskey): Guard<BothFactors> {
  return {
    name: 'second-factor',
    refusals: ['login_expired', 'invalid_code', ...passkeyRefusals, 'rate_limited'],
    schemes: () => ({}),
    bodyFirst: true,
    step: (deps) => proofStep('second-factor', (req) => checkBoth(deps, req, checkPasskey)),
  };
}

const passkeyRefusals = ['challenge_expired', 'invalid_credentials', 'account_disabled'] as const;

async function checkBoth(deps: Deps, req: Request, checkPasskey: CheckPasskey | undefined): Promise<BothFactors> {
  const { login_token: token, code = '', passkey } = req.body;
  const tried = await countTry(deps, token, code);
  const isByPasskey = passkey !== undefined;
  const given = isByPasskey
    ? await givenByPasskey(deps, checkPasskey, passkey, tried.user.id, callerOf(req))
    : await byCode(deps, req, tried, code);
  const proof = withSecondFactor(tried.first, given, 'attempt');
  const spend = Prisma.sql`${spendAttempt(token)}, ${proof.spend}`;
  return { user: tried.user, proof: { ...proof, spend }, isByPasskey };
}

/** @throws AppError invalid_code, rate_limited */
async function byCode(deps: Deps, req: Request, { user, factors }: Tried, code: string): Promise<GivenFactor> {
  const device = presentedDevice(deps, req.body, readCookies(req));
  const deviceId = deviceIdOf(deps.keys, user, device);
  const given = await checkCode(deps, {
    user,
    factors,
    code,
    deviceId,
    caller: callerOf(req),
    tell: (standing) => req.res && tellLimits(req.res, [standing]),
  });
  if (!given) throw new AppError('invalid_code');
  return given;
}
