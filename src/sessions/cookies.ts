import type { CookieOptions } from 'express';
import type { Config } from '../config.js';
import type { Cookies, ReplyCookie } from '../platform/http/endpoint.js';
import type { SessionTokens } from './start.js';

type CookieSettings = Config['cookies'];

export function cookieNames({ prefix }: Pick<CookieSettings, 'prefix'>) {
  // `__Host-` needs Path=/, so the refresh token, sent to /auth only, can only be `__Secure-`.
  return prefix
    ? { access: '__Host-access_token', refresh: '__Secure-refresh_token', device: '__Host-device' }
    : { access: 'access_token', refresh: 'refresh_token', device: 'device' };
}

export function tokensIn(cookies: Cookies, settings: Pick<CookieSettings, 'prefix'>) {
  const names = cookieNames(settings);
  return { accessToken: cookies[names.access], refreshToken: cookies[names.refresh], device: cookies[names.device] };
}

// Browsers keep a cookie for at most 400 days (RFC 6265bis §5.5).
const deviceMaxAge = 400 * 86_400;

export function tokenCookies(settings: CookieSettings, issued: SessionTokens, deviceToken?: string): ReplyCookie[] {
  const [names, { everywhere, onlyAuth }] = [cookieNames(settings), attributesOf(settings)];
  const lasting = (options: CookieOptions, seconds: number) => ({ ...options, maxAge: seconds * 1000 });
  return [
    { name: names.access, value: issued.accessToken, options: lasting(everywhere, issued.accessExpiresIn) },
    { name: names.refresh, value: issued.refreshToken, options: lasting(onlyAuth, issued.refreshExpiresIn) },
    ...(deviceToken ? [deviceCookie(settings, deviceToken)] : []),
  ];
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

function attributesOf({ domain, sameSite, secure }: CookieSettings) {
  const attributes: CookieOptions = { httpOnly: true, secure, sameSite, ...(domain && { domain }) };
  return { everywhere: { ...attributes, path: '/' }, onlyAuth: { ...attributes, path: '/auth' } };
}
