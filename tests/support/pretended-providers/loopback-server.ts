import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request, as the server understood it. */
export type Asked = {
  method: string;
  path: string;
  query: URLSearchParams;
  form: URLSearchParams;
  headers: IncomingHttpHeaders;
};

/** `body`: text as it is, all else as JSON. */
export type Reply = { status?: number; headers?: Record<string, string>; body?: unknown };

/** What a server does instead of just answering. Where it answers late or long, the answer in it would be right. */
export type Trouble =
  | 'hangs'
  | 'begins an answer and hangs'
  | 'redirects'
  | 'answers 10 MB'
  | 'answers 500'
  | 'answers a page'
  | 'drops the connection';

export type LoopbackServer = {
  url: string;
  /** All requests so far. */
  asked: Asked[];
  /** By path; `''` is every path. */
  trouble: Record<string, Trouble | undefined>;
  /** Nobody listens at its address. */
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
};

/** Starts a server on loopback, until it goes away. */
export async function startLoopbackServer(answer: (asked: Asked) => Reply): Promise<LoopbackServer> {
  const listener = createServer((request, response) => {
    void respond(request, response).catch(() => response.destroy());
  });
  const listen = async (port: number) => {
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening');
    return (listener.address() as AddressInfo).port;
  };
  const port = await listen(0);
  const server: LoopbackServer = {
    url: `http://localhost:${port}`,
    asked: [],
    trouble: {},
    async goAway() {
      if (!listener.listening) return;
      listener.close();
      listener.closeAllConnections();
      await once(listener, 'close');
    },
    comeBack: async () => void (await listen(port)),
  };

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', server.url);
    const path = pathname.replace(moved, '');
    const form = new URLSearchParams(await text(request));
    const asked = { method: request.method ?? '', path, query, form, headers: request.headers };
    server.asked.push({ ...asked, path: pathname });
    const trouble = server.trouble[path] ?? server.trouble[''];
    if (trouble && path === pathname) return beTroublesome(trouble, response, request.url ?? '', () => answer(asked));
    send(response, answer(asked));
  }
  return server;
}

const moved = /^\/moved(?=\/)/;

function send(response: ServerResponse, { status = 200, headers = {}, body }: Reply): void {
  const type = typeof body === 'string' ? 'text/html; charset=utf-8' : 'application/json';
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', ...headers });
  response.end(textOf(body));
}

function textOf(body: unknown): string {
  return typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body);
}

function beTroublesome(trouble: Trouble, response: ServerResponse, url: string, answer: () => Reply): void {
  const json = { 'Content-Type': 'application/json' };
  const doings: Record<Trouble, () => void> = {
    hangs: () => undefined,
    'begins an answer and hangs': () => void response.writeHead(200, json).write('{'),
    redirects: () => void response.writeHead(307, { Location: `/moved${url}` }).end(),
    'answers 10 MB': () => {
      const { status = 200, body } = answer();
      response.writeHead(status, json);
      response.write(' '.repeat(10 * 1024 * 1024));
      response.end(textOf(body));
    },
    'answers 500': () => send(response, { status: 500, body: { error: 'server_error' } }),
    'answers a page': () => send(response, { body: '<!doctype html><title>Maintenance</title>' }),
    'drops the connection': () => void response.destroy(),
  };
  doings[trouble]();
}
