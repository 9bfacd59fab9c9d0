import type { Request } from 'express';
import { isApiKey } from '../api-keys/format.js';
import { apiKeys, countRefused, refuseExhausted } from '../api-keys/guard.js';
import type { Config } from '../config.js';
import type { Deps } from '../deps.js';
import type { Guard } from '../endpoint.js';
import { AppError } from '../errors.js';
import { byAddress } from '../platform/http/by-address.js';
import type { LimitKey, Schemes } from '../platform/http/endpoint.js';
import { proofStep } from '../platform/http/passport.js';
import { pathOf } from '../platform/http/request-path.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { accessTokenSchemes, apiKeySchemes } from '../sessions/schemes.js';
import { authenticate, type Client } from './client.js';
import { basicClient, invalidClient, type ShownClient, shownClient } from './credentials.js';
import { checkAccessToken, unlessRefused } from './known-tokens.js';
import { metadataPath } from './metadata-path.js';

const clientScheme: Schemes = {
  client: {
    type: 'http',
    scheme: 'basic',
    description: 'The id of a user, and one of that user’s API keys (RFC 6749 §2.3.1).',
  },
};

/** Requires a client: an API key, with the id of its owner. */
export const oauthClient: Guard<Client> = {
  name: 'oauth-client',
  refusals: ['invalid_credentials'],
  schemes: () => clientScheme,
  bodyFirst: true,
  ignoresCookies: true,
  note: 'The client may also stand in the body: `client_id` and `client_secret`.',
  step: (deps) => proofStep('oauth-client', (req) => clientIn(deps, req)),
};

async function clientIn(deps: Deps, req: Request): Promise<Client> {
  const shown = shownClient(req);
  const counted = countedFor(deps, req);
  // Past the limit, what is no key that the instance knows is not looked at.
  if (counted.some(({ limit, key }) => limit.peek(key))) {
    const known = await unlessRefused(deps.apiKeys.check(shown.key, () => refuseExhausted(counted)));
    if (!known) refuseExhausted(counted);
  }
  const client = await unlessRefused(authenticate(deps, shown));
  if (client) return client;
  await countRefused(counted);
  throw invalidClient();
}

function countedFor({ limits }: Deps, req: Request): LimitKey[] {
  return limits ? byAddress(limits.api_key, req) : [];
}

/** Requires a client by Basic, or a bearer token: an API key, or the access token of a session or from a key. */
export const clientOrBearer: Guard<AccessClaims> = {
  name: 'client-or-bearer',
  hasClaims: true,
  refusals: [
    'unauthenticated',
    'invalid_credentials',
    'invalid_token',
    'token_expired',
    'token_stale',
    'session_revoked',
    'api_key_revoked',
    'insufficient_user_authentication',
  ],
  schemes: (config) => ({ ...accessTokenSchemes(inHeader(config)), ...clientScheme }),
  keySchemes: (config) => apiKeySchemes(inHeader(config)),
  ignoresCookies: true,
  step: (deps) => proofStep('client-or-bearer', (req) => askerIn(deps, req)),
};

/** OAuth says where tokens are, whatever `ACCESS_TOKEN_SOURCES` says of other rows. */
function inHeader({ cookies, tokens }: Pick<Config, 'cookies' | 'tokens'>): Pick<Config, 'cookies' | 'tokens'> {
  return { cookies, tokens: { ...tokens, sources: ['bearer'] } };
}

async function askerIn(deps: Deps, req: Request): Promise<AccessClaims> {
  const client = basicClient(req);
  if (client) return await ownerOf(deps, client, req);
  const token = /^bearer +(.*)$/i.exec(req.headers.authorization ?? '')?.[1]?.trim();
  if (!token) throw new AppError('unauthenticated');
  if (!isApiKey(token)) return await checkAccessToken(deps, token);
  try {
    return await checkKey(deps, token, req);
  } catch (error) {
    if (error instanceof AppError && error.code === 'account_disabled') throw new AppError('invalid_token');
    throw error;
  }
}

async function ownerOf(deps: Deps, { id, key }: ShownClient, req: Request): Promise<AccessClaims> {
  const claims = await unlessRefused(checkKey(deps, key, req));
  if (claims?.sub === id.toLowerCase()) return claims;
  if (claims) await countRefused(countedFor(deps, req));
  throw invalidClient();
}

async function checkKey(deps: Deps, key: string, req: Request): Promise<AccessClaims> {
  const reader = apiKeys(deps);
  if (!reader) throw new AppError('invalid_token');
  return await reader.check(key, req);
}

/** Admits everybody: to hold the token is enough. */
export const tokenHolder: Guard<undefined> = {
  name: 'token-holder',
  refusals: [],
  schemes: () => ({}),
  bodyFirst: true,
  ignoresCookies: true,
  step: undefined,
};

/** Requires the path of `JWT_ISSUER` behind that of the metadata (RFC 8414 §3.1). */
export const issuerPath: Guard<undefined> = {
  name: 'issuer-path',
  refusals: ['not_found'],
  schemes: () => ({}),
  bodyFirst: true,
  ignoresCookies: true,
  step: ({ config }) => {
    // The host has it at its root: the proxy takes the path away from other requests, not from this one.
    const wanted = `${metadataPath}${config.publicPath}`;
    return (req, _res, admit) => {
      if (pathOf(req).replace(/\/$/, '') !== wanted) throw new AppError('not_found');
      admit(undefined);
    };
  },
};
