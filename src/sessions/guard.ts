import type { NextFunction, Request, Response } from 'express';
import { Strategy as JwtStrategy, type StrategyOptionsWithRequest, type VerifiedCallback } from 'passport-jwt';
import type { Deps } from '../deps.js';
import type { Guard } from '../endpoint.js';
import { AppError, type ErrorCode } from '../errors.js';
import { passportWith } from '../platform/http/passport.js';
import { createFindAccessToken, type FindAccessToken } from './access-token-sources.js';
import { type AccessClaims, readClaims, verificationKey } from './access-tokens.js';
import { revocationOf } from './live-tokens.js';
import { accessTokenSchemes, refreshCookieScheme } from './schemes.js';
import { createVerifiedTokens } from './verified-tokens.js';

const refusals: ErrorCode[] = ['unauthenticated', 'invalid_token', 'token_expired', 'token_stale', 'session_revoked'];

/** Requires a live access token (passport-jwt). */
export const accessToken = {
  name: 'access-token',
  hasClaims: true,
  refusals: [...refusals, 'insufficient_user_authentication'],
  schemes: accessTokenSchemes,
  step(deps) {
    const check = createLiveCheck(deps);
    return (req, res, admit, next) =>
      check(req, res, (found) => (found instanceof AppError ? next(found) : admit(found)), next);
  },
} satisfies Guard<AccessClaims>;

/** Admits every request, with the claims of a live access token or the reason why there are none. */
export const optionalAccessToken: Guard<AccessClaims | AppError> = {
  name: 'optional-access-token',
  hasClaims: true,
  refusals,
  schemes: accessTokenSchemes,
  optional: true,
  step: createLiveCheck,
};

/** The same, but accepts expired and revoked tokens: logout decides itself. */
export const anyAccessToken: Guard<AccessClaims | AppError> = {
  name: 'any-access-token',
  hasClaims: true,
  refusals: ['unauthenticated', 'invalid_token'],
  schemes: (config) => ({ ...accessTokenSchemes(config), ...refreshCookieScheme(config) }),
  optional: true,
  step(deps) {
    const findToken = createFindAccessToken(deps.config);
    const options = jwtOptions(deps, findToken, { ignoreExpiration: true });
    const passport = passportWith('jwt', new JwtStrategy(...options));
    return (req, res, admit, next) => {
      const report: Report = (error, claims, why) => {
        if (claims) return admit(claims as AccessClaims);
        const refusal = refusalOf(error ?? why);
        if (refusal instanceof AppError) admit(refusal);
        else next(refusal.cause);
      };
      passport.authenticate('jwt', { session: false }, report)(req, res, next);
    };
  },
};

type Found = AccessClaims | AppError;
type Report = (error: unknown, claims: unknown, why: unknown) => void;

function createLiveCheck(deps: Deps) {
  const findToken = createFindAccessToken(deps.config);
  const passport = passportWith('jwt', cachingStrategy(deps, findToken));
  return (req: Request, res: Response, then: (found: Found) => void, next: NextFunction): void => {
    const report: Report = (error, claims, why) => {
      if (!claims) {
        const found = refusalOf(error ?? why);
        return found instanceof AppError ? then(found) : next(found.cause);
      }
      const refusal = revocationOf(deps, claims as AccessClaims);
      if (refusal instanceof Promise) refusal.then(pass, next);
      else pass(refusal);
      function pass(code: ErrorCode | undefined): void {
        then(code ? new AppError(code) : (claims as AccessClaims));
      }
    };
    passport.authenticate('jwt', { session: false }, report)(req, res, next);
  };
}

/** passport-jwt, but only for tokens that are not yet in the cache. */
function cachingStrategy(deps: Deps, findToken: FindAccessToken): JwtStrategy {
  const verified = createVerifiedTokens(5000);
  return new (class extends JwtStrategy {
    override authenticate(req: Request, options?: object): void {
      const token = findToken(req)?.token;
      const claims = token === undefined ? undefined : verified.get(token);
      // A revoked key invalidates all its tokens.
      if (claims && claims.exp > Date.now() / 1000 && deps.keys.find('access', claims.kid)) this.success(claims);
      else super.authenticate(req, options);
    }
  })(...jwtOptions(deps, findToken, { onVerified: verified.add }));
}

type JwtExtras = { ignoreExpiration?: boolean; onVerified?: (token: string, claims: AccessClaims) => void };

function jwtOptions(deps: Deps, findToken: FindAccessToken, { ignoreExpiration = false, onVerified }: JwtExtras) {
  const { issuer, audience } = deps.config.tokens;
  const keyIds = new WeakMap<Request, string>();
  const options: StrategyOptionsWithRequest = {
    jwtFromRequest: (req) => findToken(req)?.token ?? null,
    secretOrKeyProvider: (req, token, done) => {
      verificationKey(deps.keys, token)
        .then((key) => {
          keyIds.set(req, key.kid);
          // The types only allow strings, but jsonwebtoken is far faster with a KeyObject.
          done(null, key.verifyKey as unknown as string);
        })
        .catch((error) => done(error instanceof AppError ? error : new Undecided(error)));
    },
    // `verificationKey` checks each key's own algorithm; this list always excludes `none`.
    algorithms: ['ES256', 'RS256', 'HS256'],
    issuer,
    audience,
    ignoreExpiration,
    passReqToCallback: true,
  };
  const verify = (req: Request, payload: unknown, done: VerifiedCallback) => {
    try {
      const claims = readClaims(payload, keyIds.get(req) ?? '', deps.config.tokens);
      const token = findToken(req)?.token;
      if (token) onVerified?.(token, claims);
      done(null, claims);
    } catch (error) {
      done(error instanceof AppError ? error : new Undecided(error));
    }
  };
  return [options, verify] as const;
}

/** The token could not be checked, so nobody knows whether it is good: never a 401. */
class Undecided extends Error {
  constructor(cause: unknown) {
    super('The token could not be checked', { cause });
  }
}

/** Translates a strategy's failure into our errors. */
function refusalOf(why: unknown): AppError | Undecided {
  if (why instanceof AppError || why instanceof Undecided) return why;
  if (why instanceof Error && why.name === 'TokenExpiredError') return new AppError('token_expired');
  if (why instanceof Error && why.message === 'No auth token') return new AppError('unauthenticated');
  return new AppError('invalid_token', { cause: why });
}
