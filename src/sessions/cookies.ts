import { parseCookie } from 'cookie';
import type { CookieOptions, Request, Response } from 'express';
import type { Config } from '../config.js';
import type { Reply } from '../endpoint.js';
import { cookieNames } from './cookie-names.js';

/** The cookies of the `cookie` transport, as one configuration names them and sets their attributes. */
export type AuthCookies = {
  read(req: Request): {
    accessToken?: string | undefined;
    refreshToken?: string | undefined;
    device?: string | undefined;
  };
  set(res: Response, tokens: NonNullable<Reply['tokens']>): void;
  /** Clears both tokens; the device stays known. */
  clearTokens(res: Response): void;
};

// A device is worth remembering for as long as browsers keep any cookie (RFC 6265bis §5.5: 400 days).
const deviceMaxAge = 400 * 86_400;

export function createAuthCookies({ prefix, domain, sameSite, secure }: Config['cookies']): AuthCookies {
  const names = cookieNames(prefix);
  const attributes: CookieOptions = { httpOnly: true, secure, sameSite, ...(domain && { domain }) };
  const everywhere = { ...attributes, path: '/' };
  const onlyAuth = { ...attributes, path: '/auth' };
  const lasting = (seconds: number) => ({ maxAge: seconds * 1000 });
  return {
    read(req) {
      if (req.headers.cookie === undefined) return {};
      const cookies = parseCookie(req.headers.cookie);
      return {
        accessToken: cookies[names.access],
        refreshToken: cookies[names.refresh],
        device: cookies[names.device],
      };
    },
    set(res, { issued, deviceToken }) {
      res.cookie(names.access, issued.accessToken, { ...everywhere, ...lasting(issued.accessExpiresIn) });
      res.cookie(names.refresh, issued.refreshToken, { ...onlyAuth, ...lasting(issued.refreshExpiresIn) });
      if (deviceToken) res.cookie(names.device, deviceToken, { ...everywhere, ...lasting(deviceMaxAge) });
    },
    clearTokens(res) {
      res.clearCookie(names.access, everywhere);
      res.clearCookie(names.refresh, onlyAuth);
    },
  };
}
