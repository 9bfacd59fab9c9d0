import type { Request } from 'express';
import { countedEvent } from '../audit/counted-events.js';
import type { Deps } from '../deps.js';
import type { Guard } from '../endpoint.js';
import { AppError } from '../errors.js';
import type { Caller } from '../platform/caller.js';
import { callerOf } from '../platform/http/caller.js';
import { passportWith, Strategy } from '../platform/http/passport.js';
import type { Assertion } from './answers.js';
import { examine, type PasskeyProof } from './sign-in.js';

/** Requires a passkey's answer in the body. */
export const passkey: Guard<PasskeyProof> = {
  name: 'passkey',
  refusals: ['challenge_expired', 'invalid_credentials', 'account_disabled'],
  schemes: () => ({}),
  bodyFirst: true,
  step(deps) {
    const passport = passportWith('passkey', new PasskeyStrategy(deps));
    return (req, res, admit, next) => {
      const report = (error: unknown, proof: unknown) => {
        if (proof) admit(proof as PasskeyProof);
        else next(error ?? new AppError('invalid_credentials'));
      };
      passport.authenticate('passkey', { session: false }, report)(req, res, next);
    };
  },
};

class PasskeyStrategy extends Strategy {
  // Passport calls an object made from this one, so it cannot be a #field.
  private readonly deps: Deps;

  constructor(deps: Deps) {
    super();
    this.deps = deps;
  }

  override authenticate(req: Request): void {
    signInProof(this.deps, req.body.passkey, callerOf(req)).then(
      (proof) => this.success(proof),
      (error) => this.error(error),
    );
  }
}

/** What a sign-in by passkey proves. A refused one is recorded. @throws AppError as the guard's refusals */
export async function signInProof(deps: Deps, answer: Assertion, caller: Caller): Promise<PasskeyProof> {
  const { proof, refusal } = await examine(deps, answer, caller);
  if (proof) return proof;
  const { code, userId } = refusal;
  if (code !== 'challenge_expired') {
    const reason = code === 'account_disabled' ? 'user_disabled' : 'passkey';
    await deps.db.$executeRaw(countedEvent('login.failed', userId, caller, { reason }));
  }
  throw new AppError(code);
}
