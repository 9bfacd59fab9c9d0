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
import { AppError } from '../../errors.js';
import { problemOf } from './error-handler.js';
import { answerInRequestOrder } from './pipelining.js';
import { standardHeaders } from './response-headers.js';
import { respondWhileStarting } from './starting.js';
import { createTurnQueue } from './turn-queue.js';

/** Time limits for clients in milliseconds. Slow ones must not hold sockets that others need (ASVS 13.1.3). */
const timeLimits = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  // How often Node checks the first two; its 30 s would turn 10 s into 40.
  connectionsCheckingInterval: 1_000,
};

// Cuts a request without progress for this long, in either direction: a client that does not read.
const stalledAfter = 10_000;

type HttpServer = {
  server: Server;
  /** The app answers from the next request on. Until then every response is that of {@link respondWhileStarting}. */
  use(app: Express): void;
};

/** @param keepAlive in seconds */
export function createHttpServer(log: Logger, { keepAlive }: { keepAlive: number }): HttpServer {
  const prototypes = createPrototypes();
  const whileStarting = respondWhileStarting();
  const server = createServer(
    { ...timeLimits, keepAliveTimeout: keepAlive * 1000, ...prototypes.options },
    whileStarting,
  );
  server.setTimeout(stalledAfter);
  server.on('clientError', answerUnreadable(log));
  return {
    server,
    use(app) {
      prototypes.take(app);
      server.off('request', whileStarting).on('request', answerInRequestOrder(app));
    },
  };
}

// Express 5 calls `Object.setPrototypeOf` on each request and response, most of the cost of a small request on Node 20
// and 22. Objects created with that prototype avoid it; on Node 24 that is slower instead.
function createPrototypes(): { options: ServerOptions; take(app: Express): void } {
  if (Number(process.versions.node.split('.')[0]) >= 24) return { options: {}, take: () => undefined };
  const [request, response] = [bornLike(IncomingMessage), bornLike(ServerResponse)];
  return {
    options: { IncomingMessage: request, ServerResponse: response } as unknown as ServerOptions,
    take(app) {
      request.prototype = app.request;
      response.prototype = app.response;
    },
  };
}

type Constructor = { prototype: object; call(self: object, first: unknown, second: unknown): void };

// A function, because the prototype of a class is fixed and Express would still change it.
function bornLike(base: Constructor): { prototype: object } {
  function Born(this: object, first: unknown, second: unknown): void {
    base.call(this, first, second);
  }
  Born.prototype = base.prototype;
  return Born;
}

// Requests that are not HTTP never reach Express.
function answerUnreadable(log: Logger): (error: NodeJS.ErrnoException, socket: Duplex) => void {
  const standard = standardHeaders();
  const queueTurn = createTurnQueue();
  const headers = standard.flatMap((name, n) => (n % 2 === 0 ? [`${name}: ${standard[n + 1]}`] : []));
  return (error, socket) => {
    // Too many requests wait on this connection, and it ends after them (pipelining.ts).
    if (error.code === 'HPE_PAUSED') return void socket.pause();
    // Connections that began together time out together.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') queueTurn(() => answer(error, socket));
    else answer(error, socket);
  };

  function answer(error: NodeJS.ErrnoException, socket: Duplex): void {
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
  }
}
