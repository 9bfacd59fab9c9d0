import type { Request, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import { callerOf } from './caller.js';

/** Each request leaves one line once it is over: no body, no query, no header, so no secret. */
export function requestLog(log: Logger): RequestHandler {
  return (req, res, next) => {
    const startedAt = performance.now();
    if (log.isLevelEnabled('info')) res.once('close', () => log.info(lineOf(req, res, performance.now() - startedAt)));
    next();
  };
}

function lineOf(req: Request, res: Response, ms: number) {
  const { originalUrl } = req;
  const queryAt = originalUrl.indexOf('?');
  return {
    request_id: res.locals.requestId,
    method: req.method,
    path: queryAt < 0 ? originalUrl : originalUrl.slice(0, queryAt),
    status: res.statusCode,
    ms: Math.round(ms * 10) / 10,
    ip: callerOf(req).address,
    // A client that went away before its answer: the status above was never sent.
    ...(res.writableFinished ? undefined : { aborted: true }),
    ...(res.locals.code && { code: res.locals.code }),
    msg: 'request',
  };
}
