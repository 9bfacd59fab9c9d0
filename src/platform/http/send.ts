import type { Response } from 'express';
import { JsonText, type Reply, type ReplySpec } from './endpoint.js';
import { overrideHeaders, writeAnswer } from './response-headers.js';

export function send(res: Response, [status, type]: ReplySpec, { body, headers, cookies }: Partial<Reply>): void {
  if (headers) overrideHeaders(res, headers);
  for (const { name, value, options } of cookies ?? [])
    if (value === undefined) res.clearCookie(name, options);
    else res.cookie(name, value, options);
  if (type === undefined) writeAnswer(res, status, []);
  else if (typeof type === 'string') sendText(res, status, type, String(body));
  else sendText(res, status, 'application/json', body instanceof JsonText ? String(body) : JSON.stringify(body));
}

function sendText(res: Response, status: number, type: string, text: string): void {
  const length = String(Buffer.byteLength(text));
  writeAnswer(
    res,
    status,
    ['Content-Type', `${contentTypes[type] ?? type}; charset=utf-8`, 'Content-Length', length],
    text,
  );
}

// The only plain text is Prometheus', whose format has a version.
const contentTypes: Record<string, string> = { 'text/plain': 'text/plain; version=0.0.4' };
