import type { Request } from 'express';
import type { Config } from '../../config.js';
import { AppError } from '../../errors.js';

/** @throws AppError csrf_rejected where a request does not come from a page of an allowed origin */
export type RefuseCrossSite = (req: Request) => void;

/**
 * The rule for requests that cookies decide (ASVS 3.5.1): the browser's own word on where the request comes from,
 * `Origin` or else `Sec-Fetch-Site`, must name the server itself, `APP_URL` or one of `CORS_ORIGINS`.
 */
export function createRefuseCrossSite(config: Config): RefuseCrossSite {
  const allowed = new Set([config.tokens.issuer, config.appUrl].map((url) => new URL(url).origin));
  for (const origin of config.corsOrigins) allowed.add(origin);
  const ownWhileDeveloping = (req: Request, origin: string) => !config.production && isOwnLoopback(req, origin);
  return (req) => {
    const { origin, 'sec-fetch-site': site } = req.headers;
    const good = origin === undefined ? site === 'same-origin' : allowed.has(origin) || ownWhileDeveloping(req, origin);
    if (!good)
      throw new AppError('csrf_rejected', { detail: 'Send an Origin that this server allows, or use a bearer token.' });
  };
}

function isOwnLoopback(req: Request, origin: string): boolean {
  const match = /^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\]):(\d+)$/.exec(origin);
  return match !== null && Number(match[1]) === req.socket.localPort;
}
