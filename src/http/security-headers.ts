import { ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import helmet from 'helmet';

/**
 * Helmet's headers as suit an API: nothing of an answer may be rendered, framed, sniffed or kept by a browser.
 * They are the same for every answer, so helmet is asked once, not at each request. A page sets its own policy.
 */
export function securityHeaders(): RequestHandler {
  const headers = standardHeaders();
  return (_req, res, next) => {
    for (const [name, value] of headers) res.setHeader(name, value);
    next();
  };
}

/** The headers of every answer, by name. */
export function standardHeaders(): [name: string, value: string][] {
  const res = new ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 } as never);
  const apply = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"], frameAncestors: ["'none'"] },
    },
    strictTransportSecurity: { maxAge: 365 * 86_400, includeSubDomains: true },
    // These speak of documents and of browsers long gone; on an answer in JSON they would only be bytes.
    crossOriginEmbedderPolicy: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
  apply({} as never, res, () => {});
  res.setHeader('Cache-Control', 'no-store');
  return Object.entries(res.getHeaders()).map(([name, value]) => [name, String(value)]);
}
