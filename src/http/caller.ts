import { isIP } from 'node:net';
import type { Request } from 'express';
import type { Caller } from '../domain/caller.js';

/** Where the request comes from: `TRUST_PROXY` decides whose word on the address counts. */
export function callerOf(req: Request): Caller {
  // What stands in X-Forwarded-For is anybody's text until it is an address.
  const said = isIP(req.ip ?? '') ? req.ip : req.socket.remoteAddress;
  // A dual-stack socket writes IPv4 addresses as ::ffff:192.0.2.1.
  const address = (said ?? '').replace(/^::ffff:(?=[\d.]+$)/i, '');
  return { address, userAgent: req.headers['user-agent']?.slice(0, 400) };
}
