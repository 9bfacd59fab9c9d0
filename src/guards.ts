import { apiKeys } from './api-keys/guard.js';
import { verifiedEmailGuard } from './email/guard.js';
import type { Guard } from './endpoint.js';
import { passkeyProof } from './passkeys/sign-in.js';
import { secondFactorGuard } from './second-factor/guard.js';
import { accessTokenGuard, anyAccessTokenGuard, optionalAccessTokenGuard } from './sessions/guard.js';
import { refreshCookieScheme } from './sessions/schemes.js';

/** Every guard. A row names one, and its endpoint gets the guard's principal: what is known of the client. */

export const open: Guard<undefined> = {
  name: 'open',
  refusals: [],
  schemes: () => ({}),
  bodyFirst: true,
  step: undefined,
};

/** Admits every request: the endpoint reads the refresh token and checks it when it replaces it. */
export const refreshToken: Guard<undefined> = {
  name: 'refresh-token',
  refusals: [],
  schemes: refreshCookieScheme,
  optional: true,
  bodyFirst: true,
  step: undefined,
};

/** Requires a live access token of a session, or an API key where the row takes one. */
export const accessToken = accessTokenGuard(apiKeys);
export const optionalAccessToken = optionalAccessTokenGuard(apiKeys);
export const anyAccessToken = anyAccessTokenGuard(apiKeys);
export const verifiedEmail = verifiedEmailGuard(accessToken);

export const secondFactor = secondFactorGuard(passkeyProof);

export { metricsToken } from './health/guard.js';
export { password } from './log-in/guard.js';
export { clientOrBearer, issuerPath, oauthClient, tokenHolder } from './oauth/guard.js';
export { passkey } from './passkeys/guard.js';
export { externalCode, providerAnswer } from './providers/guard.js';
