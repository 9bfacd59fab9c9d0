import type { Response } from 'express';
import type { Reply } from '../../endpoint.js';
import type { AuthCookies } from '../../sessions/cookies.js';
import { tokenFacts } from '../../sessions/json.js';
import { overrideHeaders, writeAnswer } from './response-headers.js';

/** Puts a handler's reply on the wire. */
export type Send = (res: Response, reply: Reply) => void;

export function createSend(cookies: AuthCookies): Send {
  return (res, { status, body, json, html, metrics, headers, tokens, clearTokens }) => {
    if (headers) overrideHeaders(res, headers);
    if (clearTokens) cookies.clearTokens(res);
    if (tokens?.transport === 'cookie') cookies.set(res, tokens);
    if (html !== undefined) return sendAs(res, status, 'text/html', html);
    if (metrics !== undefined) return sendAs(res, status, 'text/plain; version=0.0.4', metrics);
    if (json !== undefined) return sendAs(res, status, 'application/json', json);
    const content = tokens ? tokenResponse(tokens) : body;
    if (content === undefined) return writeAnswer(res, status, []);
    sendAs(res, status, 'application/json', JSON.stringify(content));
  };
}

function sendAs(res: Response, status: number, type: string, text: string): void {
  const length = String(Buffer.byteLength(text));
  writeAnswer(res, status, ['Content-Type', `${type}; charset=utf-8`, 'Content-Length', length], text);
}

function tokenResponse({ issued, transport, deviceToken }: NonNullable<Reply['tokens']>) {
  const facts = tokenFacts(issued);
  if (transport === 'cookie') return facts;
  return { access_token: issued.accessToken, refresh_token: issued.refreshToken, device_token: deviceToken, ...facts };
}
