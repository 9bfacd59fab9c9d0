import { isUtf8 } from 'node:buffer';
import { parse as parseContentType } from 'content-type';
import express, { type NextFunction, type Request, type RequestHandler } from 'express';
import type { z } from 'zod';
import { AppError, type FieldError } from '../../errors.js';
import { parseForm } from './form.js';
import { checkDepth } from './json-depth.js';
import { createTurnQueue } from './turn-queue.js';

// In bytes.
const limit = 65_536;

// Parsing and checking a larger body can take milliseconds.
const large = 8_192;
const queueTurn = createTurnQueue();

const readBytes = express.raw({ limit, inflate: false, type: () => true });
const readNothing = express.raw({ limit: 0, inflate: false, type: () => true });

export type MediaType = 'application/json' | 'application/x-www-form-urlencoded';

type Parse = (bytes: Buffer | undefined) => unknown;

/** Reads a JSON body, if there is one, into `req.body`; refuses other media types (RFC 9110 §15.5.16). */
export const readBody = reading('application/json', parseJson);

/** The same for a form. */
export const readForm = reading('application/x-www-form-urlencoded', parseForm);

function reading(type: MediaType, parse: Parse): RequestHandler {
  return (req, res, next) => {
    const chunked = req.headers['transfer-encoding'] !== undefined;
    if (hasBody(req) && !isPlain(req, type)) {
      const refusal = new AppError('unsupported_media_type', { detail: `Send ${type}.` });
      if (!chunked) throw refusal;
      // Clients that do not know a length in advance announce a body also where there is none.
      return readNothing(req, res, (error) => {
        req.body = undefined;
        next(error ? refusal : undefined);
      });
    }
    if (Number(req.headers['content-length'] ?? 0) > limit) throw new AppError('payload_too_large');
    const then = parsing(req, parse, next);
    readBytes(req, res, chunked ? refusingEndless(req, then) : then);
  };
}

function parsing(req: Request, parseBytes: Parse, next: NextFunction): NextFunction {
  const parse = () => {
    try {
      req.body = parseBytes(req.body);
    } catch (error) {
      return next(error);
    }
    next();
  };
  return (error?: unknown) => {
    if (error) next(error);
    else if (req.body?.length > large) queueTurn(parse);
    else parse();
  };
}

function parseJson(bytes: Buffer | undefined): unknown {
  if (bytes === undefined) return undefined;
  if (bytes.length === 0) return {};
  const text = isUtf8(bytes) ? bytes.toString().replace(/^\u{FEFF}/u, '') : '';
  const value = /^\s*[[{]/.test(text) ? parsed(text) : undefined;
  if (value === undefined) throw new AppError('invalid_json');
  return value;
}

function parsed(text: string): unknown {
  checkDepth(text);
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// An honest client sends large chunks. Each chunk costs a call of the parser.
const maxChunks = 256;

// The parser would read a body of unknown length to its end before refusing it.
function refusingEndless(req: Request, next: NextFunction): NextFunction {
  let over = false;
  let received = 0;
  let chunks = 0;
  const once = (error?: unknown) => {
    if (over) return;
    over = true;
    next(error);
  };
  const count = (chunk: Buffer) => {
    received += chunk.length;
    chunks += 1;
    if (received <= limit && chunks <= maxChunks) return;
    req.off('data', count);
    once(new AppError('payload_too_large'));
  };
  req.on('data', count);
  return once;
}

// A compressed body is refused: a small one could unpack into a large one.
function isPlain({ headers }: Request, type: MediaType): boolean {
  return (headers['content-encoding'] ?? 'identity') === 'identity' && isInUtf8(headers['content-type'] ?? '', type);
}

/** Neither type has parameters, and both are in UTF-8 (RFC 8259 §11, RFC 6749 Appendix B), so others mean nothing. */
function isInUtf8(contentType: string, wanted: MediaType): boolean {
  const { type, parameters } = parseContentType(contentType);
  return type === wanted && /^utf-?8$/i.test(parameters.charset ?? 'utf-8');
}

export function hasBody(req: Request): boolean {
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}

/** @param place comes before the path of each error: `query`, or nothing @throws AppError validation_failed */
export function checkInput<Schema extends z.ZodType>(schema: Schema, input: unknown, place?: string): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  throw new AppError('validation_failed', {
    errors: parsed.error.issues.slice(0, 20).flatMap((issue) => fieldErrors(issue, place)),
  });
}

function fieldErrors(issue: z.core.$ZodIssue, place: string | undefined): FieldError[] {
  const pathOf = (...more: string[]) =>
    [...(place ? [place] : []), ...issue.path.map(String), ...more].join('.').slice(0, 200);
  if (issue.code === 'unrecognized_keys')
    return issue.keys.slice(0, 20).map((key) => ({ path: pathOf(key), message: 'Not a field of this request.' }));
  return [{ path: pathOf(), message: issue.message }];
}
