import { z } from 'zod';
import type { Config } from '../config.js';
import type { Reply } from '../platform/http/endpoint.js';
import { userJson } from '../users/json.js';
import { tokenCookies } from './cookies.js';
import type { tokenResponseSchema } from './json.js';
import type { SessionTokens } from './start.js';

/** Where a response has its tokens: in the body or in HttpOnly cookies. */
export const transportSchema = z.enum(['bearer', 'cookie']);

type TokenResponse = z.infer<typeof tokenResponseSchema>;

export function tokenReply(
  { config }: { config: Pick<Config, 'cookies'> },
  issued: SessionTokens,
  transport: z.infer<typeof transportSchema>,
  deviceToken?: string,
): Reply<TokenResponse> {
  const facts: TokenResponse = {
    token_type: 'Bearer',
    expires_in: issued.accessExpiresIn,
    refresh_expires_in: issued.refreshExpiresIn,
    session_id: issued.sessionId,
    user: userJson(issued.user),
  };
  if (transport === 'cookie') return { body: facts, cookies: tokenCookies(config.cookies, issued, deviceToken) };
  const { accessToken, refreshToken } = issued;
  const device = deviceToken === undefined ? {} : { device_token: deviceToken };
  return { body: { access_token: accessToken, refresh_token: refreshToken, ...device, ...facts } };
}
