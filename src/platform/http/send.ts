import type { Response } from 'express';
import { JsonText, type Reply, type ReplySpec } from './endpoint.js';
import { EventStream } from './event-stream.js';
import { JsonStream } from './json-stream.js';
import { overrideHeaders, writeAnswer, writeHead } from './response-headers.js';

/** @returns a promise only for a body that takes a while */
export function send(
  res: Response,
  [usual, type]: ReplySpec,
  { body, headers, cookies, isCreated, isUnchanged }: Partial<Reply>,
): Promise<void> | undefined {
  const status = isUnchanged ? 304 : isCreated ? 201 : usual;
  if (headers) overrideHeaders(res, headers);
  for (const { name, value, options } of cookies ?? [])
    if (value === undefined) res.clearCookie(name, options);
    else res.cookie(name, value, options);
  if (isUnchanged) writeAnswer(res, status, []);
  else if (type === undefined) writeAnswer(res, status, status === 200 ? ['Content-Length', '0'] : []);
  else if (body instanceof EventStream) body.writeTo(res, status);
  else if (typeof type === 'string') sendText(res, status, type, String(body));
  else if (body instanceof JsonStream) return sendStream(res, status, body);
  else sendText(res, status, 'application/json', body instanceof JsonText ? String(body) : JSON.stringify(body));
  return undefined;
}

async function sendStream(res: Response, status: number, body: JsonStream): Promise<void> {
  if (body.whole !== undefined) return sendText(res, status, 'application/json', body.whole);
  writeHead(res, status, ['Content-Type', contentTypeOf('application/json')]);
  if (res.req.method !== 'HEAD') return await body.writeTo(res);
  res.end();
  await body.cancel();
}

function sendText(res: Response, status: number, type: string, text: string): void {
  const length = String(Buffer.byteLength(text));
  writeAnswer(res, status, ['Content-Type', contentTypeOf(type), 'Content-Length', length], text);
}

// The only plain text is Prometheus', whose format has a version. A JWT has no charset (RFC 7519 §10.3.1).
const contentTypes: Record<string, string> = {
  'text/plain': 'text/plain; version=0.0.4; charset=utf-8',
  'application/jwt': 'application/jwt',
};

function contentTypeOf(type: string): string {
  return contentTypes[type] ?? `${type}; charset=utf-8`;
}
