import type { Config } from '../config.js';
import { permissions } from '../permissions/permissions.js';
import type { Schemes } from '../platform/http/endpoint.js';
import type { AccessTokenSource } from '../platform/settings/kinds.js';
import { cookieNames } from './cookies.js';

type SchemeSettings = Pick<Config, 'cookies' | 'tokens'>;

/** The security schemes for access tokens, one per entry of `ACCESS_TOKEN_SOURCES`. */
export function accessTokenSchemes({ cookies, tokens }: SchemeSettings): Schemes {
  const { access } = cookieNames(cookies);
  // Component names cannot have a colon.
  return Object.fromEntries(tokens.sources.map((source) => [source.replace(':', '.'), schemeOf(source, access)]));
}

/** An API key is a bearer token too; in a custom header it has the scheme of access tokens there. */
export function apiKeySchemes({ tokens }: SchemeSettings): Schemes {
  if (!tokens.sources.includes('bearer')) return {};
  return {
    apiKey: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'API key',
      description: `An API key, such as \`glk_06nQ…\`: for a program, in place of an access token. ${scopes}`,
    },
  };
}

// OpenAPI has a place for this in OAuth's schemes alone.
const scopes = `It has some of these permissions, and a requirement says which one is needed:

${permissions.map(({ name, description }) => `- \`${name}\`: ${description}`).join('\n')}`;

export function refreshCookieScheme({ cookies }: SchemeSettings): Schemes {
  return {
    refreshCookie: {
      type: 'apiKey',
      in: 'cookie',
      name: cookieNames(cookies).refresh,
      description: 'The refresh token, for paths below `/auth`. A login with `"transport": "cookie"` sets it.',
    },
  };
}

function schemeOf(source: AccessTokenSource, cookie: string): Schemes[string] {
  if (source === 'bearer')
    return {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: `The \`access_token\` of a sign-up, a login or a refresh. ${scopes}`,
    };
  if (source === 'cookie')
    return {
      type: 'apiKey',
      in: 'cookie',
      name: cookie,
      description:
        'A login with `"transport": "cookie"` sets it, and the browser sends it by itself: leave this empty on `/docs`. ' +
        'A method other than GET then needs an `Origin` that the server allows.',
    };
  if (source === 'query') return { type: 'apiKey', in: 'query', name: 'access_token' };
  return { type: 'apiKey', in: 'header', name: source.slice('header:'.length) };
}
