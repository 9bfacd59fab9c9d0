import express, { type RequestHandler } from 'express';
import type { FileFolder } from './endpoint.js';
import { overrideHeaders, setHeaders } from './response-headers.js';

// Browsers revalidate by ETag each time: a page must not mix files of two releases.
const caching = { 'Cache-Control': 'no-cache' };

export function serveFiles({ folder, names }: FileFolder): RequestHandler {
  const send = express.static(folder, {
    index: false,
    redirect: false,
    cacheControl: false,
    lastModified: false,
    acceptRanges: false,
  });
  return (req, res, next) => {
    if (!names.includes(req.path.slice(1))) return next();
    overrideHeaders(res, caching);
    setHeaders(res);
    send(req, res, next);
  };
}
