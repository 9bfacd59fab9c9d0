import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Fields } from './signing.js';
import { type State, wholeList } from './state.js';

/** In milliseconds. Gatelatch itself takes two seconds. */
const pulseEvery = 1_000;

/** Serves what a verifier asks for, on this machine. */
export async function serve(state: State): Promise<Server> {
  const server = createServer((request, response) => {
    // Whatever was cut off is never answered.
    if (!state.isFrozen) answer(state, request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // No test has to wait for it.
  server.unref();
  state.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return server;
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const at = (path: string) => `${state.issuer}${path}`;
  switch (`${request.method} ${request.url}`) {
    case 'GET /.well-known/oauth-authorization-server':
      return sendJson(response, 200, {
        issuer: state.issuer,
        jwks_uri: at('/.well-known/jwks.json'),
        introspection_endpoint: at('/oauth/introspect'),
        gatelatch_revocations_uri: at('/.well-known/revocations'),
        gatelatch_revocations_stream_uri: at('/.well-known/revocations/stream'),
      });
    case 'GET /.well-known/jwks.json':
      return sendJson(response, 200, { keys: state.keys.map(({ jwk }) => jwk) });
    case 'GET /.well-known/revocations':
      return sendList(state, request, response);
    case 'GET /.well-known/revocations/stream':
      return openStream(state, response);
    case 'POST /oauth/introspect':
      return introspect(state, request, response);
    default:
      return sendJson(response, 404, { code: 'not_found' });
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

function sendList(state: State, request: IncomingMessage, response: ServerResponse): void {
  const { text: list, etag } = wholeList(state);
  const headers = { ETag: etag, 'Cache-Control': 'public, max-age=1' };
  if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end();
  else response.writeHead(200, { ...headers, 'Content-Type': 'application/jwt' }).end(list);
}

function openStream(state: State, response: ServerResponse): void {
  const tell = () => {
    const { text: list, seq } = wholeList(state);
    if (!state.isFrozen) response.write(`event: revocations\nid: ${seq}\ndata: ${list}\n\n`);
  };
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store, no-transform' });
  tell();
  const timer = setInterval(tell, pulseEvery).unref();
  state.listeners.add(tell);
  response.once('close', () => {
    clearInterval(timer);
    state.listeners.delete(tell);
  });
}

async function introspect(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const token = new URLSearchParams(await text(request)).get('token') ?? '';
  if (request.headers.authorization !== `Bearer ${state.verifierKey}`)
    return sendJson(response, 401, { error: 'invalid_token' });
  const claims = state.apiKeys.get(token);
  const isActive = claims && isGood(state, claims);
  sendJson(
    response,
    200,
    isActive ? { active: true, token_type: 'Bearer', ...current(state, claims) } : { active: false },
  );
}

function isGood({ sessions }: State, { sid, exp }: Fields): boolean {
  return !sessions.has(String(sid)) && Number(exp) > Date.now() / 1000;
}

function current({ users }: State, claims: Fields): Fields {
  return { ...claims, ver: users.get(String(claims.sub)) ?? 0 };
}
