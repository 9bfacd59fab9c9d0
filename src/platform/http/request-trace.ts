import type { RequestHandler } from 'express';
import type { Tracing } from '../telemetry/tracing.js';
import { isFromProxy } from './caller.js';
import { routePatternOf, safePathOf } from './request-path.js';

/** One span per request; `traceparent` (W3C Trace Context) counts if a trusted proxy sent it. */
export function traceRequests(tracing: Tracing): RequestHandler {
  return (req, res, next) => {
    const span = tracing.beginRequest({
      method: req.method,
      path: safePathOf(req),
      headers: req.headers,
      isFromProxy: isFromProxy(req),
    });
    res.locals.traceId = span.traceId;
    res.once('close', () =>
      span.end({
        route: routePatternOf(req),
        status: res.writableFinished ? res.statusCode : undefined,
        code: res.locals.code,
      }),
    );
    span.run(next);
  };
}
