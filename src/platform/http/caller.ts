import { isIP } from 'node:net';
import type { Request } from 'express';
import type { Caller } from '../caller.js';

/** Where the request comes from: `TRUST_PROXY` decides whose word on the address counts. */
export function callerOf(req: Request): Caller {
  return { address: addressOf(req), userAgent: req.headers['user-agent']?.slice(0, 400) };
}

/** The address that counts, always an IP address (or empty, where the connection has gone). */
export function addressOf(req: Request): string {
  const direct = req.socket.remoteAddress ?? '';
  // Express asks its rule for proxies anew each time; without the header its answer is the connection's.
  const said = req.headers['x-forwarded-for'] === undefined ? '' : withoutPort(req.ip ?? '');
  // What stands in X-Forwarded-For is anybody's text until it is an address.
  const address = isIP(said) ? said : direct;
  // A dual-stack socket writes IPv4 addresses as ::ffff:192.0.2.1.
  return address.replace(/^::ffff:(?=[\d.]+$)/i, '');
}

/** Some proxies name the client's port, too: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(said: string): string {
  const [, ipv4, ipv6] = /^(?:([\d.]+):\d+|\[([^\]]+)\](?::\d+)?)$/.exec(said) ?? [];
  return ipv4 ?? ipv6 ?? said;
}
