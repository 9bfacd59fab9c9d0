import type { ErrorRequestHandler, Request, Response } from 'express';
import type { Logger } from 'pino';
import { AppError, codeOnTheWire, type ErrorCode, errorCatalogue } from '../../errors.js';
import { isDatabaseUnavailable } from '../db/errors.js';
import { hasBody } from './body.js';
import { writeAnswer } from './response-headers.js';

/** The body of every refusal (RFC 9457). */
export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  request_id: string;
  errors?: AppError['errors'];
};

/** The one exit for whatever goes wrong. What is not an {@link AppError} is logged, and told as nothing but that. */
export function errorHandler(log: Logger): ErrorRequestHandler {
  return (thrown, req, res, next) => {
    const error = toAppError(thrown);
    if (error.status >= 500) logFailure(log, error, res);
    // Half an answer can't be taken back: Express then cuts the connection.
    if (res.headersSent) return next(thrown);
    // Without a body a request counts as complete only after its handler: it needs no hanging up.
    if (!req.complete && hasBody(req)) hangUpSoon(req, res);
    sendProblem(res, error);
  };
}

// The rest of a refused body is read and dropped for a moment, so that whoever is still writing it gets to read the
// answer; then the connection is cut, however endless the body. What comes in chunks is not even read: very small ones
// cost more to drop than to send.
function hangUpSoon(req: Request, res: Response): void {
  const chunked = req.headers['transfer-encoding'] !== undefined;
  // Node begins to drop the rest once the answer is written, so only after that.
  if (chunked) res.once('finish', () => setImmediate(() => req.socket.pause()));
  setTimeout(() => req.complete || req.socket.destroy(), 1_000).unref();
}

function logFailure(log: Logger, error: AppError, res: Response): void {
  const details = { request_id: res.locals.requestId, code: error.code, err: error.cause };
  if (error.code === 'internal_error') log.error(details, 'request failed');
  else log.warn(details, 'request refused');
}

function sendProblem(res: Response, error: AppError): void {
  res.locals.code = error.code;
  const body = JSON.stringify(problemOf(error, res.locals.requestId));
  const headers = ['Content-Type', 'application/problem+json; charset=utf-8'];
  headers.push('Content-Length', String(Buffer.byteLength(body)));
  const challenge = challengeOf(error);
  if (challenge) headers.push('WWW-Authenticate', challenge);
  // RFC 9110 §15.6.4: what is busy or away now is worth another try in a second, unless we know better.
  if (error.status === 503 || error.status === 429) headers.push('Retry-After', String(error.retryAfterSeconds ?? 1));
  writeAnswer(res, error.status, headers, body);
}

/** @param requestId what `X-Request-Id` says */
export function problemOf(error: AppError, requestId: string): Problem {
  const { status, title } = errorCatalogue[error.code];
  const code = codeOnTheWire(error.code);
  return {
    type: `urn:gatelatch:problem:${code}`,
    title,
    status,
    detail: error.detail ?? `${title}.`,
    code,
    request_id: requestId,
    ...(error.errors && { errors: error.errors }),
  };
}

// RFC 6750 §3: where no token was presented the challenge carries no error.
function challengeOf({ code, status }: AppError): string | undefined {
  if (code === 'forbidden') return challenge('insufficient_scope', code);
  if (status !== 401) return undefined;
  const noToken = code === 'unauthenticated' || code === 'invalid_credentials';
  return noToken ? challenge() : challenge('invalid_token', code);
}

function challenge(error?: string, code?: ErrorCode): string {
  const realm = 'Bearer realm="gatelatch"';
  return error && code ? `${realm}, error="${error}", error_description="${errorCatalogue[code].title}"` : realm;
}

function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  const code = codeOfParser(thrown);
  if (code) return new AppError(code);
  if (isDatabaseUnavailable(thrown)) return new AppError('database_unavailable', { cause: thrown });
  return new AppError('internal_error', { cause: thrown });
}

const parserErrors: Record<string, ErrorCode> = {
  'entity.too.large': 'payload_too_large',
  'encoding.unsupported': 'unsupported_media_type',
  'charset.unsupported': 'unsupported_media_type',
  'request.aborted': 'invalid_request',
  'request.size.invalid': 'invalid_request',
};

/** What Express' body parser and router throw on bad input. */
function codeOfParser(thrown: unknown): ErrorCode | undefined {
  if (thrown instanceof URIError) return 'not_found';
  const type = thrown instanceof Error && 'type' in thrown ? String(thrown.type) : '';
  return parserErrors[type];
}
