import type { oas31 } from 'zod-openapi';
import type { Config } from '../../config.js';
import type { AnyRoute } from '../../endpoint.js';
import { cookieNames } from '../../sessions/cookie-names.js';
import { fieldsOf } from '../http/body-fields.js';
import type { AccessTokenSource } from '../settings/kinds.js';

/** The settings that a client sees the effect of. */
export type ContractSettings = Pick<Config, 'cookies' | 'tokens'>;

type Schemes = Record<string, oas31.SecuritySchemeObject>;

/** Every way to show who asks that is switched on (`ACCESS_TOKEN_SOURCES`), and the cookie of the refresh token. */
export function securitySchemes({ cookies, tokens }: ContractSettings): Schemes {
  const names = cookieNames(cookies.prefix);
  const accessToken = tokens.sources.map((source) => [schemeName(source), schemeOf(source, names.access)] as const);
  return {
    ...Object.fromEntries(accessToken),
    refreshCookie: {
      type: 'apiKey',
      in: 'cookie',
      name: names.refresh,
      description: 'The refresh token, for paths below `/auth`. A login with `"transport": "cookie"` sets it.',
    },
    metricsToken: {
      type: 'http',
      scheme: 'bearer',
      description: 'The `METRICS_TOKEN` of the server; without one, its own machine alone may ask.',
    },
  };
}

function schemeOf(source: AccessTokenSource, cookie: string): oas31.SecuritySchemeObject {
  if (source === 'bearer')
    return {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'The `access_token` of a sign-up, a login or a refresh.',
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

/** Component names have no colon. */
function schemeName(source: AccessTokenSource): string {
  return source.replace(':', '.');
}

/** The ways, each enough by itself, in which a row learns who asks; `{}` is none. */
export function securityOf(row: AnyRoute, { tokens }: ContractSettings): oas31.SecurityRequirementObject[] {
  if (row.guard === 'metrics-token') return [{ metricsToken: [] }, {}];
  const refreshToken = row.body && fieldsOf(row.body).includes('refresh_token') ? ['refreshCookie'] : [];
  const accessToken = row.guard.endsWith('access-token') ? tokens.sources.map(schemeName) : [];
  const ways = [...accessToken, ...refreshToken].map((name) => ({ [name]: [] }));
  return row.guard === 'access-token' || ways.length === 0 ? ways : [...ways, {}];
}
