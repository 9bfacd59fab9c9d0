import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import type { TestApp } from './app.js';

/** A request that passed, such as `POST /auth/refresh`. */
export type Seen = { line: string; headers: IncomingMessage['headers']; body: string; status?: number };

/** The response is lost on its way back, or a middlebox sends another one. */
export type Fault = 'lose the answer' | { status: number; headers?: Record<string, string>; body?: string };

/** A network between a client and the app, where things go wrong. */
export type FaultyProxy = {
  url: string;
  seen: Seen[];
  /** How many such requests passed. */
  count(line: string): number;
  /** The highest number of such requests at once. */
  peak(line: string): number;
  /** Decides the fault of each request. */
  fault: (line: string) => Fault | undefined;
  /** How long each response is delayed, in milliseconds. */
  delay: number;
  pointTo(app: Pick<TestApp, 'url'>): void;
  /** Stops listening; `back` listens on the same port again. */
  away(): Promise<void>;
  back(): Promise<void>;
};

/** Starts a proxy in front of the app until the current test ends. */
export async function startProxy(app: Pick<TestApp, 'url'>): Promise<FaultyProxy> {
  const underWay = new Map<string, number>();
  const peaks = new Map<string, number>();
  let target = app.url;
  const server = createServer((req, res) => void handle(req, res).catch(() => res.writeHead(502).end()));
  // Avoids accidental faults: an idle connection must not close just when it is used again.
  server.keepAliveTimeout = 60_000;

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const line = `${req.method} ${req.url}`;
    const seen: Seen = { line, headers: req.headers, body: '' };
    proxy.seen.push(seen);
    underWay.set(line, (underWay.get(line) ?? 0) + 1);
    peaks.set(line, Math.max(peaks.get(line) ?? 0, underWay.get(line) ?? 0));
    res.once('close', () => underWay.set(line, (underWay.get(line) ?? 0) - 1));
    seen.body = await text(req);
    const fault = proxy.fault(line);
    const answer = typeof fault === 'object' ? undefined : await forward(target, req, seen.body);
    await new Promise((resolve) => setTimeout(resolve, proxy.delay));
    if (typeof fault === 'object') {
      seen.status = fault.status;
      res.writeHead(fault.status, fault.headers).end(fault.body);
    } else if (answer) {
      seen.status = answer.statusCode ?? 0;
      if (fault) res.destroy();
      else answer.pipe(res.writeHead(seen.status, answer.headers));
    }
  }

  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  const proxy: FaultyProxy = {
    url: `http://127.0.0.1:${port}`,
    seen: [],
    count: (line) => proxy.seen.filter((one) => one.line === line).length,
    peak: (line) => peaks.get(line) ?? 0,
    fault: () => undefined,
    delay: 0,
    pointTo: (app) => {
      target = app.url;
    },
    async away() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
    back: async () => void (await listen(port)),
  };
  onTestFinished(proxy.away);
  return proxy;
}

async function forward(target: string, { method, url, headers }: IncomingMessage, body: string) {
  const asking = request(target + url, { method: `${method}`, headers, agent: false });
  asking.end(body);
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  return answer;
}
