import type { Request } from 'express';
import { AppError } from '../../errors.js';

export type RefuseCrossSite = (req: Request) => void;

/** The URLs and origins whose pages may send cookies; in development also pages from this machine. */
type CrossSiteSettings = { urls: string[]; origins: string[]; production: boolean };

/**
 * For requests authenticated by cookies (ASVS 3.5.1): the browser's `Origin`, or else `Sec-Fetch-Site`, must name this
 * server, `APP_URL` or one of `CORS_ORIGINS`.
 */
export function createRefuseCrossSite({ urls, origins, production }: CrossSiteSettings): RefuseCrossSite {
  // `capacitor://localhost` is what such an app sends; as a URL its origin would be `null`, which anybody can send.
  const allowed = new Set([...urls.map((url) => new URL(url).origin), ...origins]);
  const ownWhileDeveloping = (req: Request, origin: string) => !production && isOwnLoopback(req, origin);
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
