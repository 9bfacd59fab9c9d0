import { randomUUID } from 'node:crypto';
import { ServerResponse } from 'node:http';
import cors from 'cors';
import type { RequestHandler, Response } from 'express';
import helmet from 'helmet';

/** Names and values in turn, as Node writes them fastest. */
type FlatHeaders = string[];

/**
 * Works out the headers that an answer has whatever it says: helmet's as suit an API, those that let the front ends
 * of `CORS_ORIGINS` read it, and its id. Helmet and cors are asked once for each origin, not at each request, and
 * {@link writeAnswer} hands all of it over in one go: set one by one, headers were half the cost of a small request.
 */
export function responseHeaders(origins: string[]): RequestHandler {
  const always = standardHeaders();
  const applyCors = corsFor(origins);
  const headersFor = (origin?: string) => [...always, ...(origins.length > 0 ? headersBy(applyCors, origin) : [])];
  const forOrigin = new Map(origins.map((origin) => [origin, headersFor(origin)]));
  const forOthers = headersFor();
  return (req, res, next) => {
    const id = randomUUID();
    res.locals.requestId = id;
    res.locals.headers = [...(forOrigin.get(req.headers.origin ?? '') ?? forOthers), 'X-Request-Id', id];
    if (req.method !== 'OPTIONS' || origins.length === 0) return next();
    setHeaders(res);
    applyCors(req, res, next);
  };
}

/** Writes an answer with the headers of every answer and its own: the one place where heads are written. */
export function writeAnswer(res: Response, status: number, own: FlatHeaders, body?: string): void {
  res.writeHead(status, [...res.locals.headers, ...own]).end(body);
}

/** For an answer that a library writes, such as a preflight's or a file's: sets the headers of every answer beforehand. */
export function setHeaders(res: Response): void {
  const headers: FlatHeaders = res.locals.headers;
  for (let n = 0; n < headers.length; n += 2) res.setHeader(headers[n] ?? '', headers[n + 1] ?? '');
}

/** Has an answer say something else than every answer does, such as how long it may be kept. */
export function overrideHeaders(res: Response, own: Record<string, string>): void {
  const names = new Set(Object.keys(own).map((name) => name.toLowerCase()));
  const headers: FlatHeaders = res.locals.headers;
  const left = headers.filter((_, n) => !names.has(headers[n - (n % 2)]?.toLowerCase() ?? ''));
  res.locals.headers = [...left, ...Object.entries(own).flat()];
}

/** The headers of every answer. Helmet's own choice is for pages; this is what speaks to an answer in JSON. */
export function standardHeaders(): FlatHeaders {
  const apply = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"] },
    },
    strictTransportSecurity: { maxAge: 365 * 86_400, includeSubDomains: true },
    crossOriginEmbedderPolicy: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
  return [...headersBy(apply as RequestHandler), 'Cache-Control', 'no-store'];
}

function corsFor(origins: string[]): RequestHandler {
  return cors({
    origin: origins,
    credentials: true,
    methods: ['GET', 'POST', 'PATCH', 'DELETE'],
    exposedHeaders: ['X-Request-Id', 'Retry-After', 'RateLimit', 'RateLimit-Policy', 'WWW-Authenticate', 'Location'],
    maxAge: 600,
  });
}

/** What a middleware sets on the answer to a plain GET. */
function headersBy(middleware: RequestHandler, origin?: string): FlatHeaders {
  const req = {
    method: 'GET',
    headers: { ...(origin !== undefined && { origin }) },
    httpVersionMajor: 1,
    httpVersionMinor: 1,
  };
  const res = new ServerResponse(req as never);
  middleware(req as never, res as never, () => {});
  return Object.entries(res.getHeaders()).flatMap(([name, value]) => [name, String(value)]);
}
