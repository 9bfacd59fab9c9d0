import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { Passport } from 'passport';
import { Strategy as JwtStrategy, type StrategyOptionsWithRequest, type VerifiedCallback } from 'passport-jwt';
import { Strategy as LocalStrategy } from 'passport-local';
import type { Deps } from '../../deps.js';
import type { Guard } from '../../endpoint.js';
import { AppError, type ErrorCode } from '../../errors.js';
import type { CountGuess } from '../../log-in/guesses.js';
import type { FindAccessToken } from '../../sessions/access-token-sources.js';
import { type AccessClaims, readClaims, verificationKey } from '../../sessions/access-tokens.js';
import { revocationOf } from '../../sessions/live-tokens.js';
import { createVerifiedTokens } from '../../sessions/verified-tokens.js';
import { checkPassword } from '../../users/users.js';
import { callerOf } from './caller.js';

/**
 * The guards of the route table, and the only file that knows Passport. A strategy reports; what to answer is
 * decided here, so that every refusal leaves by the one error handler.
 */
export function createGuards(
  deps: Deps,
  findToken: FindAccessToken,
  countGuess: (req: Request) => CountGuess,
): Record<Exclude<Guard, 'metrics-token'>, RequestHandler> {
  // An instance per app: the package's default export is shared by the whole process.
  const passport = new Passport();
  passport.use('local', localStrategy(deps, countGuess));
  passport.use('jwt', jwtStrategy(deps, findToken));
  passport.use('jwt-expired-too', new JwtStrategy(...jwtOptions(deps, findToken, { ignoreExpiration: true })));

  /** The claims of a live access token, or why there are none. */
  function live(
    req: Request,
    res: Response,
    then: (result: AccessClaims | AppError) => void,
    next: NextFunction,
  ): void {
    passport.authenticate('jwt', { session: false }, (error: unknown, claims: AccessClaims | false, why: unknown) => {
      if (error instanceof AppError) return then(error);
      if (error) return next(error);
      if (!claims) return then(refusalOf(why));
      const refusal = revocationOf(deps, claims);
      if (refusal instanceof Promise) refusal.then(pass, next);
      else pass(refusal);
      function pass(code: ErrorCode | undefined): void {
        then(code ? new AppError(code) : (claims as AccessClaims));
      }
    })(req, res, next);
  }

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
      live(
        req,
        res,
        (result) => {
          if (result instanceof AppError) return next(result);
          req.user = result;
          next();
        },
        next,
      ),

    'optional-access-token': (req, res, next) =>
      live(
        req,
        res,
        (result) => {
          req.user = result;
          next();
        },
        next,
      ),

    'any-access-token': (req, res, next) =>
      passport.authenticate('jwt-expired-too', { session: false }, (error: unknown, claims: unknown, why: unknown) => {
        req.user = claims || refusalOf(error ?? why);
        next();
      })(req, res, next),
  };
}

function localStrategy(deps: Deps, countGuess: (req: Request) => CountGuess): LocalStrategy {
  return new LocalStrategy({ session: false, passReqToCallback: true }, (req, username, password, done) => {
    // Passport never hears of a promise: one that rejects would leave the request hanging.
    checkPassword(deps, username, password, callerOf(req), countGuess(req)).then(
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
      // A revoked key takes all that it has signed with it.
      if (claims && claims.exp > Date.now() / 1000 && deps.keys.find('access', claims.kid)) this.success(claims);
      else super.authenticate(req, options);
    }
  })(...jwtOptions(deps, findToken, { onVerified: verified.add }));
}

type JwtExtras = { ignoreExpiration?: boolean; onVerified?: (token: string, claims: AccessClaims) => void };

function jwtOptions(deps: Deps, findToken: FindAccessToken, { ignoreExpiration = false, onVerified }: JwtExtras) {
  const { issuer, audience } = deps.config.tokens;
  // Which key a request's token names, from when it is found until the claims are read.
  const keyIds = new WeakMap<Request, string>();
  const options: StrategyOptionsWithRequest = {
    jwtFromRequest: (req) => findToken(req)?.token ?? null,
    secretOrKeyProvider: (req, token, done) => {
      verificationKey(deps.keys, token)
        .then((key) => {
          keyIds.set(req, key.kid);
          // Its types know strings only; jsonwebtoken, which gets it, is far faster with a KeyObject.
          done(null, key.verifyKey as unknown as string);
        })
        .catch(done);
    },
    // Each key has one of these and `verificationKey` holds the token to it; the list keeps `none` out for good.
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
      done(error);
    }
  };
  return [options, verify] as const;
}

/** What a strategy reports as a failure, in our words. */
function refusalOf(why: unknown): AppError {
  if (why instanceof AppError) return why;
  if (why instanceof Error && why.name === 'TokenExpiredError') return new AppError('token_expired');
  if (why instanceof Error && why.message === 'No auth token') return new AppError('unauthenticated');
  return new AppError('invalid_token', { cause: why });
}
