export type CookieNames = { access: string; refresh: string; device: string };

/** What the cookies of the `cookie` transport are called. @param prefix whether `COOKIE_PREFIX` is on */
export function cookieNames(prefix: boolean): CookieNames {
  // `__Host-` demands Path=/, so the refresh token, which is only sent to /auth, can but be `__Secure-`.
  return prefix
    ? { access: '__Host-access_token', refresh: '__Secure-refresh_token', device: '__Host-device' }
    : { access: 'access_token', refresh: 'refresh_token', device: 'device' };
}
