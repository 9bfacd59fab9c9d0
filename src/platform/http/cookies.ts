import { parseCookie } from 'cookie';
import type { Request } from 'express';
import type { Cookies } from './endpoint.js';

const none: Cookies = {};

export function readCookies({ headers: { cookie } }: Request): Cookies {
  return cookie === undefined ? none : parseCookie(cookie);
}
