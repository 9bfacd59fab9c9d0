import express, { type RequestHandler } from 'express';
import type { FileFolder } from './endpoint.js';
import { overrideHeaders, setHeaders } from './response-headers.js';

// Kept, but asked about each time by their ETag: files of two releases must not meet on one page.
const caching = { 'Cache-Control': 'no-cache' };

/** Serves the named files of a folder; whatever else is asked for is passed on. */
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
