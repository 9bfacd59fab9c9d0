import { IncomingMessage } from 'node:http';
import type { ErrorRequestHandler, Request, Response } from 'express';
import type { Logger } from 'pino';
import { AppError, codeOnTheWire, type ErrorCode, errorCatalogue } from '../../errors.js';
import { isDatabaseUnavailable, isTextRefused } from '../db/errors.js';
import { hasBody } from './body.js';
import { isOfClient, oauthRefusalOf } from './oauth-refusal.js';
import { tellLimits } from './rate-limit-headers.js';
import { untilNextStep } from './refusal-steps.js';
import { pathOf } from './request-path.js';
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
  [member: string]: unknown;
};

type SpeakingRow = { method: string; path: string; endpoint: { form?: 'oauth' } };

/**
 * The only exit for errors. One that is not an {@link AppError} is logged; the client only sees `internal_error`.
 * @param rows those that speak OAuth get its form, for what refuses before they are reached too
 */
export function errorHandler(log: Logger, rows: SpeakingRow[]): ErrorRequestHandler {
  const ofOAuth = new Set(rows.flatMap(({ method, path, endpoint }) => (endpoint.form ? [`${method} ${path}`] : [])));
  return (thrown, req, res, _next) => {
    const error = toAppError(thrown);
    if (error.status >= 500) logFailure(log, error, res);
    // Half a response cannot be taken back.
    if (res.headersSent) return void req.socket.destroy();
    // Without a body the request is complete only after its handler; the connection can stay.
    if (!req.complete && hasBody(req)) hangUpSoon(req);
    // The router ignores a slash at the end.
    const isOfOAuth = ofOAuth.has(`${req.method} ${pathOf(req).replace(/\/$/, '')}`);
    const send = () => sendRefusal(res, error, isOfOAuth);
    if (error.code === 'invalid_credentials') void untilNextStep(res.locals.startedAt).then(send);
    else send();
  };
}

// Drops the rest of a refused body for a moment, so that a client that is still writing can read the response. Chunked
// bodies are not read at all: dropping tiny chunks costs more than sending them.
function hangUpSoon(req: Request): void {
  if (req.headers['transfer-encoding'] !== undefined) stopReading(req);
  setTimeout(() => req.complete || req.socket.destroy(), 1_000).unref();
}

// What Node does itself with a body that nobody reads. It has no public name.
const { _dump: drop } = IncomingMessage.prototype as unknown as { _dump: (this: IncomingMessage) => void };

function stopReading(req: Request): void {
  drop.call(req);
  // Node resumes the socket to drop the rest.
  req.socket.on('resume', () => req.socket.pause()).pause();
}

function logFailure(log: Logger, error: AppError, res: Response): void {
  const details = { request_id: res.locals.requestId, code: error.code, err: error.cause };
  if (error.code === 'internal_error') log.error(details, 'request failed');
  else log.warn(details, 'request refused');
}

function sendRefusal(res: Response, error: AppError, isOfOAuth: boolean): void {
  res.locals.code = error.code;
  if (error.limit) tellRefusal(res, error.limit, error.retryAfterSeconds ?? 1);
  const { requestId } = res.locals;
  const body = JSON.stringify(isOfOAuth ? oauthRefusalOf(error, requestId) : problemOf(error, requestId));
  const headers = ['Content-Type', `application/${isOfOAuth ? 'json' : 'problem+json'}; charset=utf-8`];
  headers.push('Content-Length', String(Buffer.byteLength(body)));
  const challenge = challengeOf(error);
  if (challenge) headers.push('WWW-Authenticate', challenge);
  // RFC 9110 §15.6.4: try again in a second, unless we know better.
  if (error.status === 503 || error.status === 429) headers.push('Retry-After', String(error.retryAfterSeconds ?? 1));
  writeAnswer(res, error.status, headers, body);
}

/** In place of what other limits of the row say. */
function tellRefusal(res: Response, policy: NonNullable<AppError['limit']>, seconds: number): void {
  tellLimits(res, [{ policy, left: 0, msLeft: seconds * 1000 }]);
  res.locals.refusedBy = policy.name;
}

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
    ...error.members,
  };
}

// RFC 6750 §3: without a token the challenge has no error.
function challengeOf(error: AppError): string | undefined {
  const { code, status, members } = error;
  if (isOfClient(error)) return 'Basic realm="gatelatch"';
  if (code === 'insufficient_user_authentication') return challenge(code, code) + parametersOf(members);
  if (code === 'forbidden') return challenge('insufficient_scope', code) + parametersOf(members);
  if (status !== 401) return undefined;
  return aboutSignIn.has(code) ? challenge() : challenge('invalid_token', code);
}

const aboutSignIn = new Set<ErrorCode>(['unauthenticated', 'invalid_credentials', 'login_expired', 'invalid_code']);

/** RFC 9470 §3: what is asked for. */
function parametersOf(members: AppError['members'] = {}): string {
  return Object.entries(members)
    .map(([name, value]) => `, ${name}="${value}"`)
    .join('');
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
  // Only a request's text can have one: a row whose schema lets it through.
  if (isTextRefused(thrown)) return new AppError('validation_failed', { detail: 'Text may not have a NUL character.' });
  return new AppError('internal_error', { cause: thrown });
}

const parserErrors: Record<string, ErrorCode> = {
  'entity.too.large': 'payload_too_large',
  'encoding.unsupported': 'unsupported_media_type',
  'charset.unsupported': 'unsupported_media_type',
  'request.aborted': 'invalid_request',
  'request.size.invalid': 'invalid_request',
};

function codeOfParser(thrown: unknown): ErrorCode | undefined {
  if (thrown instanceof URIError) return 'not_found';
  const type = thrown instanceof Error && 'type' in thrown ? String(thrown.type) : '';
  return parserErrors[type];
}
