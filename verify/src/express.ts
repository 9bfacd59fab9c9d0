import type { AccessClaims } from './access-claims.js';
import { type Answer, sendRefusal } from './answer.js';
import { type Demands, declaredPermission } from './demands.js';
import { TokenError } from './refusals.js';
import type { AskingRequest } from './request.js';
import type { Verifier } from './verifier.js';

declare global {
  namespace Express {
    interface Request {
      /** The claims of the token, behind `requireAuth`. */
      auth?: AccessClaims | undefined;
    }
  }
}

type Handler = (
  request: AskingRequest & { auth?: AccessClaims | undefined },
  response: Answer,
  next: (error?: unknown) => void,
) => void;

/**
 * For Express and all that calls handlers alike: lets a request through whose token is good, with its claims in `req.auth`.
 * Every other one is answered here.
 * @param demands.permission what the token must have in its scope; else 403
 * @throws TypeError for another demand, or a permission that is no text
 */
export function requireAuth(verifier: Verifier, demands: Demands = {}): Handler {
  declaredPermission(demands);
  return (request, response, next) => {
    verifier.verifyRequest(request, demands).then(
      (claims) => {
        request.auth = claims;
        next();
      },
      (error: unknown) => {
        if (error instanceof TokenError && !response.headersSent) sendRefusal(response, error);
        else next(error);
      },
    );
  };
}
