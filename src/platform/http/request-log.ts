import type { Request, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import type { RequestMetrics } from '../telemetry/request-metrics.js';
import { addressOf } from './caller.js';
import { pathOf, routePatternOf } from './request-path.js';

/**
 * Each request is counted once it is over, by the row that it met, and leaves one line: no body, no query, no header,
 * so no secret.
 */
export function requestLog(log: Logger, metrics: RequestMetrics): RequestHandler {
  const isLogged = log.isLevelEnabled('info');
  return (req, res, next) => {
    const startedAt = performance.now();
    res.once('close', () => {
      const ms = performance.now() - startedAt;
      count(metrics, req, res, ms);
      if (isLogged) log.info(lineOf(req, res, ms));
    });
    next();
  };
}

// Of the methods that anybody may invent only these are told apart, or labels would be without bound.
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

/** What is undefined is left out of the line. */
function lineOf(req: Request, res: Response, ms: number) {
  return {
    request_id: res.locals.requestId,
    trace_id: res.locals.traceId,
    method: req.method,
    path: pathOf(req),
    status: res.statusCode,
    ms: Math.round(ms * 10) / 10,
    ip: addressOf(req),
    // A client that went away before its answer: the status above was never sent.
    aborted: res.writableFinished ? undefined : true,
    code: res.locals.code,
    msg: 'request',
  };
}
