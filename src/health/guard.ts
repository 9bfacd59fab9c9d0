import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import type { Guard } from '../endpoint.js';
import { AppError } from '../errors.js';

/**
 * Without `METRICS_TOKEN`, only this machine may ask, and not through a proxy: the numbers tell strangers about load. Nor
 * may a page in its browser whose name leads here (DNS rebinding): `Host` is that page's.
 */
export const metricsToken: Guard<undefined> = {
  name: 'metrics-token',
  refusals: ['unauthenticated', 'invalid_token'],
  schemes: () => ({
    metricsToken: {
      type: 'http',
      scheme: 'bearer',
      description: 'The `METRICS_TOKEN` of the server. Without one, only its own machine may ask.',
    },
  }),
  optional: true,
  step({ config }) {
    const wanted = config.metricsToken === undefined ? undefined : digest(config.metricsToken);
    return (req, _res, admit) => {
      if (wanted === undefined && isOfThisMachine(req)) return admit(undefined);
      const shown = /^bearer +(.+)$/i.exec(req.headers.authorization ?? '')?.[1];
      if (shown === undefined)
        throw new AppError('unauthenticated', { detail: 'Send METRICS_TOKEN as a bearer token.' });
      // Digests have the same length, so the time of the comparison reveals nothing, not even the token's length.
      if (wanted === undefined || !timingSafeEqual(digest(shown), wanted)) throw new AppError('invalid_token');
      admit(undefined);
    };
  },
};

// A proxy on this machine forwards for others. A proxy that sets none of these headers cannot be detected.
const proxyHeaders = ['forwarded', 'via', 'x-forwarded-for', 'x-real-ip'];

function isOfThisMachine({ socket, headers }: Request): boolean {
  const isLoopback = /^(127(\.\d{1,3}){3}|::1)$/.test((socket.remoteAddress ?? '').replace(/^::ffff:/i, ''));
  return isLoopback && isLocalHost(headers.host) && proxyHeaders.every((name) => headers[name] === undefined);
}

function isLocalHost(host = ''): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
