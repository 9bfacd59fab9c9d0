import type { Response } from 'express';
import type { Reply } from '../route.js';
import { tokenFacts } from '../wire.js';
import type { AuthCookies } from './cookies.js';

/** Puts a handler's reply on the wire. */
export type Send = (res: Response, reply: Reply) => void;

export function createSend(cookies: AuthCookies): Send {
  return (res, { status, body, headers, tokens, clearTokens }) => {
    res.statusCode = status;
    for (const name in headers) res.setHeader(name, headers[name] as string);
    if (clearTokens) cookies.clearTokens(res);
    if (tokens?.transport === 'cookie') cookies.set(res, tokens);
    const content = tokens ? tokenResponse(tokens) : body;
    if (content === undefined) return void res.end();
    const json = JSON.stringify(content);
    res.setHeader('Content-Type', 'application/json; charset=utf-8');
    res.setHeader('Content-Length', Buffer.byteLength(json));
    res.end(json);
  };
}

function tokenResponse({ issued, transport, deviceToken }: NonNullable<Reply['tokens']>) {
  const facts = tokenFacts(issued);
  if (transport === 'cookie') return facts;
  return { access_token: issued.accessToken, refresh_token: issued.refreshToken, device_token: deviceToken, ...facts };
}
