import type { RequestHandler } from 'express';
import type { Logger } from 'pino';

/**
 * Says once that requests come through a proxy that nobody has told us of: all its clients then share one address,
 * and with it their limits. For `TRUST_PROXY=false`; the header is not believed.
 */
export function warnOfUntrustedProxy(log: Logger): RequestHandler {
  let said = false;
  return (req, _res, next) => {
    if (!said && req.headers['x-forwarded-for'] !== undefined) {
      said = true;
      log.warn(
        'a request came with X-Forwarded-For while TRUST_PROXY is false: behind a proxy, set it to the number of hops',
      );
    }
    next();
  };
}
