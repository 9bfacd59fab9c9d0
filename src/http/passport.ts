import type { KeyObject } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { Passport } from 'passport';
import { Strategy as JwtStrategy, type StrategyOptionsWithRequest, type VerifiedCallback } from 'passport-jwt';
import { Strategy as LocalStrategy } from 'passport-local';
import type { Deps } from '../deps.js';
import { type AccessClaims, readClaims, verificationKey } from '../domain/access-tokens.js';
import { checkPassword } from '../domain/users.js';
import { AppError } from '../errors.js';
import type { Guard } from '../route.js';
import type { FindAccessToken } from './access-token-sources.js';
import { callerOf } from './caller.js';
import { createVerifiedTokens } from './verified-tokens.js';

/**
 * The guards of the route table, and the only file that knows Passport. A strategy reports; what to answer is
 * decided here, so that every refusal leaves by the one error handler.
 */
export function createGuards(deps: Deps, findToken: FindAccessToken): Record<Guard, RequestHandler> {
  // An instance per app: the package's default export is shared by the whole process.
  const passport = new Passport();
  passport.use('local', localStrategy(deps));
  passport.use('jwt', jwtStrategy(deps, findToken));
  passport.use('jwt-expired-too', new JwtStrategy(...jwtOptions(deps, findToken, { ignoreExpiration: true })));
  return {
    public: (_req, _res, next) => next(),

    password: (req, res, next) =>
      passport.authenticate('local', { session: false }, (error: unknown, checked: unknown) => {
        if (error) return next(error);
        if (!checked) return next(new AppError('invalid_credentials'));
        req.user = checked;
        next();
      })(req, res, next),

    'access-token': (req, res, next) =>
      passport.authenticate('jwt', { session: false }, (error: unknown, claims: AccessClaims | false, why: unknown) => {
        if (error) return next(error);
        if (!claims) return next(refusalOf(why));
        const refusal = deps.revocations.refusal(claims);
        if (refusal) return next(new AppError(refusal));
        req.user = claims;
        next();
      })(req, res, next),

    'any-access-token': (req, res, next) =>
      passport.authenticate('jwt-expired-too', { session: false }, (error: unknown, claims: unknown, why: unknown) => {
        req.user = claims || refusalOf(error ?? why);
        next();
      })(req, res, next),
  };
}

function localStrategy(deps: Deps): LocalStrategy {
  return new LocalStrategy({ session: false, passReqToCallback: true }, (req, username, password, done) => {
    // Passport never hears of a promise: one that rejects would leave the request hanging.
    checkPassword(deps, username, password, callerOf(req).address).then(
      (checked) => done(null, checked ?? false),
      done,
    );
  });
}

/** passport-jwt, which is only asked about tokens that it has not verified before. */
function jwtStrategy(deps: Deps, findToken: FindAccessToken): JwtStrategy {
  const verified = createVerifiedTokens(5000);
  return new (class extends JwtStrategy {
    override authenticate(req: Request, options?: object): void {
      const token = findToken(req)?.token;
      const claims = token === undefined ? undefined : verified.get(token);
      if (claims && claims.exp > Date.now() / 1000) this.success(claims);
      else super.authenticate(req, options);
    }
  })(...jwtOptions(deps, findToken, { onVerified: verified.add }));
}

// Its types know strings and buffers only; it hands what it gets to jsonwebtoken, which is far faster with a KeyObject.
type KeyCallback = (error: Error | null, key?: KeyObject) => void;

type JwtExtras = { ignoreExpiration?: boolean; onVerified?: (token: string, claims: AccessClaims) => void };

function jwtOptions(deps: Deps, findToken: FindAccessToken, { ignoreExpiration = false, onVerified }: JwtExtras) {
  const { issuer, audience } = deps.config.tokens;
  const options: StrategyOptionsWithRequest = {
    jwtFromRequest: (req) => findToken(req)?.token ?? null,
    secretOrKeyProvider: (_req, token, done) => settle(done as KeyCallback, () => verificationKey(deps.keys, token)),
    // Each key has one of these and `verificationKey` holds the token to it; the list keeps `none` out for good.
    algorithms: ['ES256', 'RS256', 'HS256'],
    issuer,
    audience,
    ignoreExpiration,
    passReqToCallback: true,
  };
  const verify = (req: Request, payload: unknown, done: VerifiedCallback) =>
    settle(done, () => {
      const claims = readClaims(payload, deps.config.tokens);
      const token = findToken(req)?.token;
      if (token) onVerified?.(token, claims);
      return claims;
    });
  return [options, verify] as const;
}

/** Calls back with what `work` returns or throws: once, whatever happens. */
function settle<Value>(done: (error: Error | null, value?: Value) => void, work: () => Value): void {
  let value: Value;
  try {
    value = work();
  } catch (error) {
    done(error as Error);
    return;
  }
  done(null, value);
}

/** What a strategy reports as a failure, in our words. */
function refusalOf(why: unknown): AppError {
  if (why instanceof AppError) return why;
  if (why instanceof Error && why.name === 'TokenExpiredError') return new AppError('token_expired');
  if (why instanceof Error && why.message === 'No auth token') return new AppError('unauthenticated');
  return new AppError('invalid_token', { cause: why });
}
