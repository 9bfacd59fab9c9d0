import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { Deps } from '../../deps.js';
import type { AnyRoute, RowLimit } from '../../endpoint.js';
import { AppError, type ErrorCode } from '../../errors.js';
import { type CountGuess, secretly, uncounted } from '../../log-in/guesses.js';
import { type Claim, type Counting, countingOf } from '../../log-in/limits.js';
import type { AuthCookies } from '../../sessions/cookies.js';
import type { Counted, Refused, Taken } from '../limits/limit.js';
import { type Standing, tellLimits } from './rate-limit-headers.js';
import { refuseByLimit } from './rate-limit-refusal.js';

/** What a row with a limit does more than others; nothing where the row has none, or `RATE_LIMIT` is off. */
export type LimitSteps = {
  /** Takes the points, or refuses. */
  count: RequestHandler[];
  /** Before a good answer: gives back what does not count, and tells how the limits stand. */
  settle: ((res: Response) => Promise<void>) | undefined;
  /** The same before a refusal. */
  refused: ErrorRequestHandler[];
};

/** A request's claim on a limit, with the point that was taken for it, unless it counts afterwards. */
type Held = { claim: Claim; counts: Counting['counts']; point: Taken | undefined };

const none: LimitSteps = { count: [], settle: undefined, refused: [] };

export type RateLimit = {
  stepsFor(row: AnyRoute): LimitSteps;
  /** How a login's guess is counted for its user, besides what its row counts. */
  countGuess(req: Request): CountGuess;
};

/** The limits of the route table. */
export function createRateLimit(deps: Deps, cookies: AuthCookies): RateLimit {
  const { limits } = deps;
  if (!limits) return { stepsFor: () => none, countGuess: () => uncounted };
  const fromKnownDevice = new WeakSet<Request>();
  const all = countingOf(deps, limits, cookies, fromKnownDevice);
  const counted = secretly(limits.login_user);
  return {
    stepsFor: ({ limit }) => (limit === undefined ? none : stepsOf([limit].flat().map((name: RowLimit) => all[name]))),
    countGuess: (req) => (fromKnownDevice.has(req) ? uncounted : counted),
  };
}

function stepsOf(countings: Counting[]): LimitSteps {
  const count: RequestHandler = async (req, res, next) => {
    res.locals.held = await takeAll(countings, req, res);
    next();
  };
  const refused: ErrorRequestHandler = (error, _req, res, next) => {
    const code = error instanceof AppError ? error.code : 'internal_error';
    settle(res, code).then(() => next(error), next);
  };
  return { count: [count], settle, refused: [refused] };
}

/** All points or none: what was taken before a refusal is given back, for that was no try. */
async function takeAll(countings: Counting[], req: Request, res: Response): Promise<Held[]> {
  const held: Held[] = [];
  try {
    for (const { claims, counts, afterwards } of countings) {
      const all = await claims(req);
      // Before anything is asked of the store: a flood on one key is not to be counted at the address each time.
      for (const claim of all) refuseIf(res, claim, claim.limit.peek(claim.key));
      for (const claim of all) {
        const point = afterwards ? undefined : await take(claim);
        refuseIf(res, claim, point);
        if (point?.allowed !== false) held.push({ claim, counts, point });
      }
    }
    return held;
  } catch (error) {
    await Promise.all(held.map(({ point }) => point?.settle(false)));
    throw error;
  }
}

function take({ limit, key, lenient }: Claim) {
  return lenient ? limit.takeNow(key) : limit.take(key);
}

function refuseIf(res: Response, { limit: { policy }, lenient }: Claim, answer: Counted | Refused | undefined): void {
  if (answer && !answer.allowed && !lenient) refuseByLimit(res, policy, answer.msLeft);
}

async function settle(res: Response, code?: ErrorCode): Promise<void> {
  const held: Held[] = res.locals.held ?? [];
  if (held.length > 0) tellLimits(res, await Promise.all(held.map((one) => settleOne(res, one, code))));
}

async function settleOne(
  res: Response,
  { claim, point, counts }: Held,
  code: ErrorCode | undefined,
): Promise<Standing> {
  const { policy } = claim.limit;
  const spent = counts(code);
  if (point) {
    await point.settle(spent);
    return { policy, left: point.left + (spent ? 0 : 1), msLeft: point.msLeft };
  }
  if (!spent) return { policy };
  const counted = await claim.limit.count(claim.key);
  refuseIf(res, claim, counted);
  return { policy, left: counted.allowed ? counted.left : 0, msLeft: counted.msLeft };
}
