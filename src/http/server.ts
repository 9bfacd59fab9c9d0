import { randomUUID } from 'node:crypto';
import {
  createServer,
  IncomingMessage,
  type Server,
  type ServerOptions,
  ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { Express } from 'express';
import type { Logger } from 'pino';
import { AppError } from '../errors.js';
import { standardHeaders } from './answer-headers.js';
import { problemOf } from './error-handler.js';

/** How long a client may take, in milliseconds. Slow ones must not hold sockets that others need (ASVS 13.1.3). */
const timeLimits = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  // Longer than the 60 s that load balancers keep an idle connection for: else they send into a closing one.
  keepAliveTimeout: 65_000,
  // How often the first two are looked at; Node's 30 s would make 40 s of 10.
  connectionsCheckingInterval: 1_000,
};

// Without progress for this long, in either direction, a request under way is cut: a client that reads no answer.
const stalledAfter = 20_000;

/** An HTTP server for the app, not yet listening. */
export function createHttpServer(app: Express, log: Logger): Server {
  const server = createServer({ ...timeLimits, ...prototypesFor(app) }, app);
  server.setTimeout(stalledAfter);
  server.on('clientError', answerUnreadable(log));
  return server;
}

/**
 * Express 5 gives each request and response its own prototype by `Object.setPrototypeOf`, which costs most of a
 * small request on Node 20 and 22. Objects that are born with it are spared that; on Node 24 it is the other way round.
 */
function prototypesFor(app: Express): ServerOptions {
  if (Number(process.versions.node.split('.')[0]) >= 24) return {};
  const constructors = {
    IncomingMessage: bornWith(app.request, IncomingMessage),
    ServerResponse: bornWith(app.response, ServerResponse),
  };
  return constructors as unknown as ServerOptions;
}

// A class would have a prototype of its own, and Express would still exchange it: so this is a plain function.
function bornWith(prototype: object, base: { call(self: object, first: unknown, second: unknown): void }): unknown {
  function Born(this: object, first: unknown, second: unknown): void {
    base.call(this, first, second);
  }
  Born.prototype = prototype;
  return Born;
}

/** What is not HTTP never reaches Express: it gets the same kind of answer here, and the connection is closed. */
function answerUnreadable(log: Logger): (error: NodeJS.ErrnoException, socket: Duplex) => void {
  const standard = standardHeaders();
  const headers = standard.flatMap((name, n) => (n % 2 === 0 ? [`${name}: ${standard[n + 1]}`] : []));
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const problem = problemOf(
      new AppError(error.code === 'HPE_HEADER_OVERFLOW' ? 'header_fields_too_large' : 'invalid_request'),
      randomUUID(),
    );
    const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : problem.status;
    const body = JSON.stringify({ ...problem, status });
    log.info({ request_id: problem.request_id, status, code: problem.code, reason: error.code }, 'unreadable request');
    socket.end(
      [
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
        ...headers,
        'Content-Type: application/problem+json; charset=utf-8',
        `Content-Length: ${Buffer.byteLength(body)}`,
        `X-Request-Id: ${problem.request_id}`,
        'Connection: close',
        '',
        body,
      ].join('\r\n'),
    );
  };
}
