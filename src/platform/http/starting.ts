import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { AppError } from '../../errors.js';
import { problemOf } from './error-handler.js';
import { standardHeaders } from './response-headers.js';

/** The responses until the database is reached: the process is healthy, but nothing else works. */
export function respondWhileStarting(): RequestListener {
  const standard = standardHeaders();
  return (req, res) => {
    const id = randomUUID();
    const well = req.url === '/healthz';
    const own = well
      ? ['Content-Type', 'application/json; charset=utf-8']
      : ['Content-Type', 'application/problem+json; charset=utf-8', 'Retry-After', '1'];
    const body = JSON.stringify(well ? { status: 'ok' } : problemOf(new AppError('database_unavailable'), id));
    res.writeHead(well ? 200 : 503, [...standard, 'X-Request-Id', id, ...own]).end(body);
  };
}
