import { isApiKey } from './api-key-format.js';
import { TokenError } from './refusals.js';

/** What is read of a request: one of Node, Express, or anything alike. Names of headers are in lower case. */
export type AskingRequest = {
  method?: string | undefined;
  headers: { [name: string]: string | string[] | undefined };
};

type Cookie = { name: string; origins: string[] };

/**
 * The token of a request. A header counts before the cookie.
 * @throws TokenError unauthenticated, invalid_request, or csrf_rejected for a cookie from elsewhere
 */
export function tokenIn(request: AskingRequest, cookie: Cookie | undefined): string {
  // Everything after the scheme is the token: a second word makes it invalid, not shorter.
  const shown = /^bearer +(.*)$/i.exec(header(request, 'authorization'))?.[1]?.trim();
  if (shown) return shown;
  const token = cookie && tokenInCookie(request, cookie.name);
  if (!token) throw new TokenError('unauthenticated');
  refuseCrossSite(request, cookie);
  if (isApiKey(token))
    throw new TokenError('invalid_token', { detail: 'Send an API key in a header, never in a cookie.' });
  return token;
}

function tokenInCookie(request: AskingRequest, name: string): string | undefined {
  const pairs = header(request, 'cookie').split(';');
  const values = pairs.filter((pair) => pair.split('=', 1)[0]?.trim() === name);
  // Another host of the domain has set one of the two, and nobody can tell which (RFC 6265 §8.6).
  if (values.length > 1) throw new TokenError('invalid_request', { detail: `The cookie ${name} came twice.` });
  return values[0]?.slice(values[0].indexOf('=') + 1).trim() || undefined;
}

const safeMethods = ['GET', 'HEAD', 'OPTIONS'];

/** Browsers send cookies with requests of other sites too (ASVS 3.5.1). */
function refuseCrossSite(request: AskingRequest, { origins }: Cookie): void {
  // A WebSocket begins with a GET, and then does more than read.
  if (safeMethods.includes(request.method ?? '') && request.headers.upgrade === undefined) return;
  const origin = request.headers.origin;
  const isGood =
    origin === undefined
      ? header(request, 'sec-fetch-site') === 'same-origin'
      : typeof origin === 'string' && origins.includes(origin);
  if (!isGood)
    throw new TokenError('csrf_rejected', { detail: 'Send an Origin that this server allows, or use a bearer token.' });
}

function header({ headers }: AskingRequest, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}
