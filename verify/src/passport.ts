import type { AccessClaims } from './access-claims.js';
import { type Answer, sendRefusal } from './answer.js';
import { type Demands, declaredPermission } from './demands.js';
import { TokenError } from './refusals.js';
import type { AskingRequest } from './request.js';
import type { Verifier } from './verifier.js';

type StrategyOptions = Demands & {
  /** `gatelatch` by default. */
  name?: string | undefined;
  /**
   * Leaves refusals to Passport: for `passport.authenticate` with a callback, with `failureRedirect`, or with several
   * strategies. By default the strategy answers itself, with problem+json.
   */
  passOn?: boolean | undefined;
};

/** What Passport adds to a strategy for each request. */
type Actions = {
  success(user: AccessClaims): void;
  fail(challenge: string | undefined, status: number): void;
  error(error: unknown): void;
};

/**
 * A Passport strategy: `passport.authenticate('gatelatch', { session: false })` puts the claims into `req.user`. It needs
 * nothing of `passport-strategy`: Passport asks for a name and this one method.
 */
export class GatelatchStrategy {
  readonly name: string;
  /** Called by Passport, with the options of `passport.authenticate`, which may have `permission`. */
  readonly authenticate: (this: unknown, request: AskingRequest, options?: Demands) => void;

  constructor(verifier: Verifier, options: StrategyOptions = {}) {
    this.name = options.name ?? 'gatelatch';
    this.authenticate = authenticating(verifier, options);
  }
}

function authenticating(verifier: Verifier, { name: _, passOn = false, ...demands }: StrategyOptions) {
  const permission = declaredPermission(demands);
  return function authenticate(this: unknown, request: AskingRequest, options?: Demands): void {
    const passport = this as Actions;
    const answer = passOn ? undefined : (request as { res?: Answer }).res;
    verifier.verifyRequest(request, { permission: options?.permission ?? permission }).then(
      (claims) => passport.success(claims),
      (error: unknown) => {
        if (!(error instanceof TokenError)) passport.error(error);
        else if (answer && !answer.headersSent) sendRefusal(answer, error);
        else if (error.status === 503) passport.error(error);
        else passport.fail(error.challenge, error.status);
      },
    );
  };
}
