import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import { AppError, type ErrorCode } from '../../errors.js';
import type { Counted, Refused, Taken } from '../limits/limit.js';
import type { BaseDeps, Cookies, LimitKey, Row, RowLimit } from './endpoint.js';
import { rateLimited, type Standing, tellLimits } from './rate-limit-headers.js';

type LimitSteps = {
  count: RequestHandler[];
  /** Before a successful response: returns points that do not count, and sets the headers. */
  settle: ((res: Response, isMiss?: boolean) => Promise<void>) | undefined;
  refused: ErrorRequestHandler[];
};

/** A counted key with its point; no point yet if it counts afterwards. */
type HeldPoint = { key: LimitKey; counts: RowLimit<BaseDeps, never>['counts']; point: Taken | undefined };

declare module 'express-serve-static-core' {
  interface Locals {
    /** The points that were taken for the request. */
    points?: HeldPoint[];
  }
}

const none: LimitSteps = { count: [], settle: undefined, refused: [] };

export function createRateLimit<Deps extends BaseDeps>(
  deps: Deps,
  cookiesFor: (row: Row<Deps>, req: Request) => Cookies,
): (row: Row<Deps>) => LimitSteps {
  const limits = deps.limits as NonNullable<Deps['limits']> | undefined;

  function keysFor(row: Row<Deps>, rowLimit: RowLimit<Deps, never>, req: Request, res: Response) {
    const principal = res.locals.principal as never;
    return rowLimit.keys({
      deps,
      limits: limits as NonNullable<Deps['limits']>,
      req,
      principal,
      cookies: cookiesFor(row, req),
    });
  }

  return (row) => {
    if (!limits || row.limits.length === 0) return none;
    const count: RequestHandler = async (req, res, next) => {
      res.locals.points = await takeAll(row.limits, (rowLimit) => keysFor(row, rowLimit, req, res));
      next();
    };
    return { count: [count], settle: (res, isMiss) => settle(res, undefined, isMiss), refused: [settleRefused] };
  };
}

const settleRefused: ErrorRequestHandler = (error, _req, res, next) => {
  const code = error instanceof AppError ? error.code : 'internal_error';
  settle(res, code).then(() => next(error), next);
};

/** All points or none: after a refusal, the points already taken are returned. */
async function takeAll<Deps extends BaseDeps>(
  rowLimits: RowLimit<Deps, never>[],
  keysOf: (rowLimit: RowLimit<Deps, never>) => LimitKey[] | Promise<LimitKey[]>,
): Promise<HeldPoint[]> {
  const held: HeldPoint[] = [];
  try {
    for (const rowLimit of rowLimits) {
      const keys = await keysOf(rowLimit);
      // Before asking the store: a flood on one key must not count at its address each time.
      if (!rowLimit.afterwards) for (const key of keys) refuseIf(key, key.limit.peek(key.key));
      for (const key of keys) {
        const point = rowLimit.afterwards ? undefined : await take(key);
        refuseIf(key, point);
        if (point?.allowed !== false) held.push({ key, counts: rowLimit.counts, point });
      }
    }
    return held;
  } catch (error) {
    await Promise.all(held.map(({ point }) => point?.settle(false)));
    throw error;
  }
}

function take({ limit, key, lenient }: LimitKey) {
  return lenient ? limit.takeNow(key) : limit.take(key);
}

function refuseIf({ limit: { policy }, lenient }: LimitKey, answer: Counted | Refused | undefined): void {
  if (answer && !answer.allowed && !lenient) throw rateLimited(policy, answer.msLeft);
}

async function settle(res: Response, code?: ErrorCode, isMiss = false): Promise<void> {
  const held = res.locals.points ?? [];
  if (held.length > 0) tellLimits(res, await Promise.all(held.map((one) => settleOne(one, code, isMiss))));
}

async function settleOne(
  { key, point, counts }: HeldPoint,
  code: ErrorCode | undefined,
  isMiss: boolean,
): Promise<Standing> {
  const { policy } = key.limit;
  const isCounted = key.always || counts(code, isMiss);
  if (point) {
    await point.settle(isCounted);
    if (key.ofOthers) return { policy };
    return { policy, left: point.left + (isCounted ? 0 : 1), msLeft: point.msLeft };
  }
  if (!isCounted || key.free) return { policy };
  const counted = key.limit.peek(key.key) ?? (await key.limit.count(key.key));
  refuseIf(key, counted);
  if (key.ofOthers) return { policy };
  return { policy, left: counted.allowed ? counted.left : 0, msLeft: counted.msLeft };
}
