import type { NextFunction, Request, Response } from 'express';
import { Strategy as JwtStrategy, type StrategyOptionsWithRequest, type VerifiedCallback } from 'passport-jwt';
import type { Deps } from '../deps.js';
import type { Guard } from '../endpoint.js';
import { AppError, type ErrorCode } from '../errors.js';
import { passportWith, proofStep } from '../platform/http/passport.js';
import { createFindAccessToken, type FindAccessToken, type PresentedToken } from './access-token-sources.js';
import { type AccessClaims, readClaims, verificationKey } from './access-tokens.js';
import { revocationOf } from './live-tokens.js';
import { accessTokenSchemes, apiKeySchemes, refreshCookieScheme } from './schemes.js';
import { createVerifiedTokens } from './verified-tokens.js';

const refusals: ErrorCode[] = ['unauthenticated', 'invalid_token', 'token_expired', 'token_stale', 'session_revoked'];

/** At once, where nothing needs to be asked. */
type Checked = AccessClaims | Promise<AccessClaims>;

/** Reads API keys; undefined where the server takes none. */
export type ApiKeys = (deps: Deps) => ApiKeyReader | undefined;

type ApiKeyReader = {
  /** Whether the token is a key and no JWT. */
  isOne(token: string): boolean;
  /** What a key opens. @throws AppError why it opens nothing */
  check(key: string, req: Request): Checked;
};

const keyRefusals: ErrorCode[] = ['api_key_revoked', 'account_disabled'];

/** Requires a live access token (passport-jwt), or an API key where the row takes one. */
export function accessTokenGuard(apiKeys?: ApiKeys) {
  return {
    name: 'access-token',
    hasClaims: true,
    refusals: [...refusals, 'insufficient_user_authentication'],
    schemes: accessTokenSchemes,
    ...(apiKeys && { keyRefusals, keySchemes: apiKeySchemes }),
    step(deps) {
      const check = createLiveCheck(deps, apiKeys?.(deps));
      return (req, res, admit, next) =>
        check(req, res, (found) => (found instanceof AppError ? next(found) : admit(found)), next);
    },
  } satisfies Guard<AccessClaims>;
}

/** Admits every request, with the claims of a session's live access token or the reason why there are none. */
export function optionalAccessTokenGuard(apiKeys?: ApiKeys): Guard<Found> {
  return {
    name: 'optional-access-token',
    hasClaims: true,
    refusals,
    schemes: accessTokenSchemes,
    ...(apiKeys && { keyRefusals }),
    optional: true,
    step(deps) {
      const check = createLiveCheck(deps, apiKeys?.(deps));
      return (req, res, admit, next) => check(req, res, (found) => admit(ofSession(found)), next);
    },
  };
}

/** The same, but accepts expired and revoked tokens: logout decides itself. */
export function anyAccessTokenGuard(apiKeys?: ApiKeys): Guard<Found> {
  return {
    name: 'any-access-token',
    hasClaims: true,
    refusals: ['unauthenticated', 'invalid_token'],
    ...(apiKeys && { keyRefusals: [] }),
    schemes: (config) => ({ ...accessTokenSchemes(config), ...refreshCookieScheme(config) }),
    optional: true,
    step(deps) {
      const findToken = createFindAccessToken(deps.config);
      const keys = apiKeys?.(deps);
      const check = createGenuineCheck(deps, findToken);
      return (req, res, admit, next) => {
        // A key logs nobody out, so whether it is good does not matter.
        if (keys?.isOne(findToken(req)?.token ?? '')) return admit(new AppError('session_required'));
        check(req, res, (found) => admit(ofSession(found)), next);
      };
    },
  };
}

/** For rows that also work without a token: to them a key is none. */
function ofSession(found: Found): Found {
  return found instanceof AppError || found.kind === 'session' ? found : new AppError('session_required');
}

export type Found = AccessClaims | AppError;
type Report = (error: unknown, claims: unknown, why: unknown) => void;

type Check = (req: Request, res: Response, then: (found: Found) => void, next: NextFunction) => void;

/** What a token opens now. @throws AppError the refusal of {@link accessTokenGuard}, or why nobody knows */
type TokenCheck = (token: string) => Promise<AccessClaims>;

/** For tokens that are not the request's own: checks them as {@link accessTokenGuard} does. */
export function createTokenCheck(deps: Deps): TokenCheck {
  return withoutRequest(createLiveCheck(deps, undefined, findShown));
}

/** The same, but accepts expired and revoked tokens, as {@link anyAccessTokenGuard} does. */
export function createTokenReader(deps: Deps): TokenCheck {
  return withoutRequest(createGenuineCheck(deps, findShown));
}

/** Stands in for a request, which passport-jwt wants. */
type ShownToken = Request & { shown: string };

const findShown: FindAccessToken = (req) => ({ token: (req as ShownToken).shown, place: 'header' });

function withoutRequest(check: Check): TokenCheck {
  return (token) =>
    new Promise((resolve, reject) => {
      const then = (found: Found) => (found instanceof AppError ? reject(found) : resolve(found));
      check({ shown: token } as ShownToken, {} as Response, then, reject);
    });
}

function createGenuineCheck(deps: Deps, findToken: FindAccessToken): Check {
  const passport = passportWith('jwt', new JwtStrategy(...jwtOptions(deps, findToken, { ignoreExpiration: true })));
  return (req, res, then, next) => {
    const report: Report = (error, claims, why) => {
      const found = claims ? (claims as AccessClaims) : refusalOf(error ?? why);
      if (found instanceof Undecided) next(found.cause);
      else then(found);
    };
    passport.authenticate('jwt', { session: false }, report)(req, res, next);
  };
}

function createLiveCheck(
  deps: Deps,
  apiKeys: ApiKeyReader | undefined,
  findToken = createFindAccessToken(deps.config),
): Check {
  const passport = passportWith('jwt', cachingStrategy(deps, findToken));
  const passKey = apiKeys && proofStep('api-key', (req) => keyIn(req, findToken(req), apiKeys));
  return (req, res, then, next) => {
    if (passKey && apiKeys.isOne(findToken(req)?.token ?? '')) {
      passKey(req, res, then, (error) => (error instanceof AppError ? then(error) : next(error)));
      return;
    }
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

/** A key that is not in a header was put where others can read or set it. */
function keyIn(req: Request, presented: PresentedToken | undefined, keys: ApiKeyReader): Checked {
  if (presented?.place === 'query')
    throw new AppError('invalid_request', { detail: 'Send an API key in a header, never in the query.' });
  if (presented?.place !== 'header')
    throw new AppError('invalid_token', { detail: 'Send an API key in a header, never in a cookie.' });
  return keys.check(presented.token, req);
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
      if (claims.kind === 'api_key' && !deps.config.tokens.ofKeys)
        throw new AppError('invalid_token', { detail: 'This server takes no API keys, nor tokens made from one.' });
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
