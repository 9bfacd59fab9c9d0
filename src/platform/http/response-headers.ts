import { randomUUID } from 'node:crypto';
import { ServerResponse } from 'node:http';
import cors from 'cors';
import type { RequestHandler, Response } from 'express';
import helmet from 'helmet';

/** Names and values alternating: the form that Node writes fastest. */
type FlatHeaders = string[];

/**
 * Helmet and cors run once per origin, not per request, and {@link writeAnswer} passes all headers in one call: set one
 * by one, they were half the cost of a small request.
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

/** Writes a response with the common headers and its own. */
export function writeAnswer(res: Response, status: number, own: FlatHeaders, body?: string): void {
  writeHead(res, status, own).end(body);
}

/** The head alone, for a body that comes in pieces. No other function writes heads. */
export function writeHead(res: Response, status: number, own: FlatHeaders): Response {
  return res.writeHead(status, [...res.locals.headers, ...own]);
}

/** Sets the common headers for a response that a library writes, such as a preflight or a file. */
export function setHeaders(res: Response): void {
  const headers: FlatHeaders = res.locals.headers;
  for (let n = 0; n < headers.length; n += 2) res.setHeader(headers[n] ?? '', headers[n + 1] ?? '');
}

/** Replaces common headers of this response, such as `Cache-Control`. */
export function overrideHeaders(res: Response, own: Record<string, string>): void {
  const names = new Set(Object.keys(own).map((name) => name.toLowerCase()));
  const headers: FlatHeaders = res.locals.headers;
  const left = headers.filter((_, n) => !names.has(headers[n - (n % 2)]?.toLowerCase() ?? ''));
  res.locals.headers = [...left, ...Object.entries(own).flat()];
}

/** The common headers. Helmet's defaults are for pages; these fit JSON. */
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
