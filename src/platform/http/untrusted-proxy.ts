import type { RequestHandler } from 'express';
import type { Logger } from 'pino';

/** Behind a proxy, TRUST_PROXY=false makes all clients share one address and its limits: warns once. */
export function warnOfUntrustedProxy(log: Logger): RequestHandler {
  let hasWarned = false;
  return (req, _res, next) => {
    if (!hasWarned && req.headers['x-forwarded-for'] !== undefined) {
      hasWarned = true;
      log.warn(
        'a request came with X-Forwarded-For while TRUST_PROXY is false: behind a proxy, set it to the number of hops',
      );
    }
    next();
  };
}
