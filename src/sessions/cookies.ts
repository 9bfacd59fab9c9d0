import type { CookieOptions } from 'express';
import type { Config } from '../config.js';
import type { Cookies, ReplyCookie } from '../platform/http/endpoint.js';
import type { SessionTokens } from './start.js';

type CookieSettings = Config['cookies'];

const plain = { access: 'access_token', refresh: 'refresh_token', device: 'device' };
// `__Host-` needs Path=/, so the refresh token, sent to /auth only, can only be `__Secure-`.
const prefixed = { access: '__Host-access_token', refresh: '__Secure-refresh_token', device: '__Host-device' };

export function cookieNames({ prefix }: Pick<CookieSettings, 'prefix'>) {
  return prefix ? prefixed : plain;
}

/** Also a refresh token and a device of before `COOKIE_PREFIX`, until new cookies are set. */
export function tokensIn(cookies: Cookies, settings: Pick<CookieSettings, 'prefix'>) {
  const names = cookieNames(settings);
  return {
    accessToken: cookies[names.access],
    refreshToken: cookies[names.refresh] ?? cookies[plain.refresh],
    device: cookies[names.device] ?? cookies[plain.device],
  };
}

/** The device token that a request brings, in its body or as a cookie. */
export function presentedDevice(
  { config }: { config: { cookies: CookieSettings } },
  body: { device_token?: string | undefined },
  cookies: Cookies,
): string | undefined {
  return body.device_token ?? tokensIn(cookies, config.cookies).device;
}

// Browsers keep a cookie for at most 400 days (RFC 6265bis §5.5).
const deviceMaxAge = 400 * 86_400;

/** The access token's cookie lives on after the token: a refresh needs it. */
export function tokenCookies(settings: CookieSettings, issued: SessionTokens, deviceToken?: string): ReplyCookie[] {
  const [names, { onlyAuth }] = [cookieNames(settings), attributesOf(settings)];
  const maxAge = issued.refreshExpiresIn * 1000;
  return [
    accessCookie(settings, issued.accessToken, issued.refreshExpiresIn),
    { name: names.refresh, value: issued.refreshToken, options: { ...onlyAuth, maxAge } },
    ...(deviceToken ? [deviceCookie(settings, deviceToken)] : []),
  ];
}

/** @param maxAge in seconds */
export function accessCookie(settings: CookieSettings, value: string, maxAge: number): ReplyCookie {
  const options = { ...attributesOf(settings).everywhere, maxAge: maxAge * 1000 };
  return { name: cookieNames(settings).access, value, options };
}

export function deviceCookie(settings: CookieSettings, value: string): ReplyCookie {
  const options = { ...attributesOf(settings).everywhere, maxAge: deviceMaxAge * 1000 };
  return { name: cookieNames(settings).device, value, options };
}

/** Clears both tokens; the device stays known. */
export function clearedTokens(settings: CookieSettings): ReplyCookie[] {
  const [names, { everywhere, onlyAuth }] = [cookieNames(settings), attributesOf(settings)];
  return [
    { name: names.access, options: everywhere },
    { name: names.refresh, options: onlyAuth },
  ];
}

/** Clears what the request has from before `COOKIE_PREFIX`. */
export function clearedOldTokens(settings: CookieSettings, cookies: Cookies): ReplyCookie[] {
  if (!settings.prefix || cookies[plain.refresh] === undefined) return [];
  return clearedTokens({ ...settings, prefix: false });
}

/** Of the cookies that a response sets, by name. */
export function attributesByName(settings: CookieSettings): Map<string, CookieOptions> {
  const [names, { everywhere, onlyAuth }] = [cookieNames(settings), attributesOf(settings)];
  return new Map([
    [names.access, everywhere],
    [names.refresh, onlyAuth],
    [names.device, everywhere],
  ]);
}

function attributesOf({ domain, sameSite, secure, publicPath }: CookieSettings) {
  const attributes: CookieOptions = { httpOnly: true, secure, sameSite, ...(domain && { domain }) };
  return { everywhere: { ...attributes, path: '/' }, onlyAuth: { ...attributes, path: `${publicPath}/auth` } };
}
