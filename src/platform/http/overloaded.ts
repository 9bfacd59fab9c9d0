import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { AppError } from '../../errors.js';
import { problemOf } from './error-handler.js';
import { standardHeaders } from './response-headers.js';

/** Says no, and that nothing more is read from this connection. */
export function refuseAsOverloaded(): (res: ServerResponse) => void {
  const standard = standardHeaders();
  return (res) => {
    const id = randomUUID();
    const problem = JSON.stringify(problemOf(new AppError('overloaded'), id));
    const own = ['Content-Type', 'application/problem+json; charset=utf-8', 'Retry-After', '1', 'Connection', 'close'];
    const length = String(Buffer.byteLength(problem));
    res.writeHead(503, [...standard, 'X-Request-Id', id, ...own, 'Content-Length', length]).end(problem);
  };
}
