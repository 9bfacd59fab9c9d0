import type { Request } from 'express';
import type { Config } from '../config.js';
import { AppError } from '../errors.js';
import { readCookies } from '../platform/http/cookies.js';
import type { AccessTokenSource } from '../platform/settings/kinds.js';
import { cookieNames } from './cookies.js';

export type PresentedToken = { token: string; place: 'header' | 'query' | 'cookie' };

/** @throws AppError invalid_request if more than one of header, custom header and query has a token (RFC 6750 §2) */
export type FindAccessToken = (req: Request) => PresentedToken | undefined;

export function createFindAccessToken({ tokens, cookies }: Pick<Config, 'tokens' | 'cookies'>): FindAccessToken {
  const readers = tokens.sources
    .filter((source) => source !== 'cookie')
    .map((source) => ({
      read: readerOf(source),
      place: source === 'query' ? ('query' as const) : ('header' as const),
    }));
  const cookieName = tokens.sources.includes('cookie') ? cookieNames(cookies).access : undefined;
  return (req) => {
    let presented: PresentedToken | undefined;
    for (const { read, place } of readers) {
      const token = read(req);
      if (token === undefined) continue;
      if (presented !== undefined)
        throw new AppError('invalid_request', { detail: 'Send the access token in one way, not in several.' });
      presented = { token, place };
    }
    if (presented !== undefined) return presented;
    const cookie = cookieName === undefined ? undefined : readCookies(req)[cookieName];
    return cookie ? { token: cookie, place: 'cookie' } : undefined;
  };
}

function readerOf(source: Exclude<AccessTokenSource, 'cookie'>): (req: Request) => string | undefined {
  if (source === 'bearer') return tokenInAuthorization;
  if (source === 'query') return queryToken;
  const name = source.slice('header:'.length).toLowerCase();
  return (req) => String(req.headers[name] ?? '').trim() || undefined;
}

// Everything after the scheme is the token: a second word makes it invalid, not shorter.
function tokenInAuthorization(req: Request): string | undefined {
  return /^bearer +(.*)$/i.exec(req.headers.authorization ?? '')?.[1]?.trim() || undefined;
}

function queryToken(req: Request): string | undefined {
  const value = req.query.access_token;
  if (Array.isArray(value)) throw new AppError('invalid_request', { detail: 'access_token is in the query twice.' });
  return typeof value === 'string' && value !== '' ? value : undefined;
}
