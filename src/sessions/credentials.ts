import type { Config } from '../config.js';
import { readCookies } from '../platform/http/cookies.js';
import type { Credentials } from '../platform/http/mount.js';
import { createFindAccessToken } from './access-token-sources.js';
import { tokensIn } from './cookies.js';
import { createRefuseDoubledCookies } from './doubled-cookies.js';

/** Tells `platform/http` which requests are authenticated by cookies. */
export function sessionCredentials(config: Pick<Config, 'tokens' | 'cookies'>): Credentials {
  const findToken = createFindAccessToken(config);
  return {
    inHeader: (req) => (findToken(req)?.place ?? 'cookie') !== 'cookie',
    inQuery: (req) => findToken(req)?.place === 'query',
    cookies: readCookies,
    refuseDoubled: createRefuseDoubledCookies(config),
    areTokens(cookies) {
      const { accessToken, refreshToken } = tokensIn(cookies, config.cookies);
      return accessToken !== undefined || refreshToken !== undefined;
    },
    wantsCookies: (body) => (body as { transport?: unknown } | undefined)?.transport === 'cookie',
  };
}
