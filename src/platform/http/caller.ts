import { isIP } from 'node:net';
import type { Express, Request } from 'express';
import { canonicalAddress } from '../address-key.js';
import type { Caller } from '../caller.js';

/** Where the request comes from; `TRUST_PROXY` decides which address counts. */
export function callerOf(req: Request): Caller {
  return {
    address: addressOf(req),
    userAgent: req.headers['user-agent']?.slice(0, 400),
    whenGone: (leave) => whenGone(req, leave),
  };
}

function whenGone({ res, socket }: Request, leave: () => void): () => void {
  if (socket.destroyed) queueMicrotask(leave);
  res?.once('close', leave);
  return () => res?.off('close', leave);
}

/** The client's address, always an IP address, or empty if the connection is gone. */
export function addressOf(req: Request): string {
  const direct = req.socket.remoteAddress ?? '';
  // Express evaluates its proxy rule on each call; without the header the result is the connection's address.
  const forwarded = req.headers['x-forwarded-for'] === undefined ? '' : withoutPort(req.ip ?? '');
  // A client can put any text into X-Forwarded-For.
  if (isIP(forwarded)) return canonicalAddress(forwarded);
  // A dual-stack socket writes IPv4 addresses as ::ffff:192.0.2.1.
  return direct.replace(/^::ffff:(?=[\d.]+$)/i, '');
}

/** Express compares whole entries of X-Forwarded-For with `trust proxy`: a trusted proxy with a port would be a client. */
export function ignorePorts(app: Express): void {
  const isTrusted: (address: string, hop: number) => boolean = app.get('trust proxy fn');
  app.set('trust proxy', (address: string, hop: number) => isTrusted(withoutPort(address), hop));
}

/** Whether the connection is that of a proxy that `TRUST_PROXY` trusts. */
export function isFromProxy(req: Request): boolean {
  return req.app.get('trust proxy fn')(req.socket.remoteAddress ?? '', 0);
}

/** Some proxies add the client's port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(forwarded: string): string {
  const [, ipv4, ipv6] = /^(?:([\d.]+):\d+|\[([^\]]+)\](?::\d+)?)$/.exec(forwarded) ?? [];
  return ipv4 ?? ipv6 ?? forwarded;
}
