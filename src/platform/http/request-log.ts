import type { Request, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import type { RequestMetrics } from '../telemetry/request-metrics.js';
import { addressOf } from './caller.js';
import { routePatternOf, safePathOf } from './request-path.js';

/** Counts each finished request by its row, and logs one line: no body, no query, no header, so no secret. */
export function requestLog(log: Logger, metrics: RequestMetrics): RequestHandler {
  const isLogged = log.isLevelEnabled('info');
  return (req, res, next) => {
    res.locals.startedAt = performance.now();
    res.once('close', () => {
      const ms = performance.now() - res.locals.startedAt;
      count(metrics, req, res, ms);
      if (isLogged) log.info(lineOf(req, res, ms));
    });
    next();
  };
}

// A client can invent methods; metric labels must stay few.
const methods = new Set(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'OPTIONS']);

function count(metrics: RequestMetrics, req: Request, res: Response, ms: number): void {
  metrics.ended({
    method: methods.has(req.method) ? req.method : 'other',
    route: routePatternOf(req) ?? 'none',
    status: res.writableFinished ? res.statusCode : 'aborted',
    seconds: ms / 1000,
    limit: res.locals.refusedBy,
  });
}

function lineOf(req: Request, res: Response, ms: number) {
  return {
    request_id: res.locals.requestId,
    trace_id: res.locals.traceId,
    method: req.method,
    path: safePathOf(req),
    status: res.statusCode,
    ms: Math.round(ms * 10) / 10,
    ip: addressOf(req),
    // The client left before the response, so the status above was never sent.
    aborted: res.writableFinished ? undefined : true,
    code: res.locals.code,
    msg: 'request',
  };
}
