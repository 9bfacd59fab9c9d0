import { countedEvent } from '../audit/counted-events.js';
import type { Deps } from '../deps.js';
import type { Guard } from '../endpoint.js';
import { AppError } from '../errors.js';
import type { Caller } from '../platform/caller.js';
import { callerOf } from '../platform/http/caller.js';
import { proofStep } from '../platform/http/passport.js';
import type { Assertion } from './answers.js';
import { examine, type PasskeyProof } from './sign-in.js';

/** Requires a passkey's answer in the body. */
export const passkey: Guard<PasskeyProof> = {
  name: 'passkey',
  refusals: ['challenge_expired', 'invalid_credentials', 'account_disabled'],
  schemes: () => ({}),
  bodyFirst: true,
  step: (deps) => proofStep('passkey', (req) => signInProof(deps, req.body.passkey, callerOf(req))),
};

/** What a sign-in by passkey proves. A refused one is recorded. @throws AppError as the guard's refusals */
export async function signInProof(deps: Deps, answer: Assertion, caller: Caller): Promise<PasskeyProof> {
  const { proof, refusal } = await examine(deps, answer, caller);
  if (proof) return proof;
  const { code, userId } = refusal;
  if (code !== 'challenge_expired') {
    deps.metrics.signIns.refused('passkey');
    const reason = code === 'account_disabled' ? 'user_disabled' : 'passkey';
    await deps.db.$executeRaw(countedEvent('login.failed', userId, caller, { reason }));
  }
  throw new AppError(code);
}
