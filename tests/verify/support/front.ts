import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { TestApp } from '../../support/app.js';

/** What stands between a service and Gatelatch. */
export type Front = {
  url: string;
  /** Lets nothing through any more, in either direction, and breaks nothing off. */
  freeze(): void;
  /** Breaks off what is under way. */
  cut(): void;
  stop(): void;
};

/** {@link startFront}, stopped when the current test ends. */
export async function startFrontForTest(app: Pick<TestApp, 'url'>): Promise<Front> {
  const front = await startFront(app);
  onTestFinished(front.stop);
  return front;
}

/** Starts it in front of an app. The caller must stop it. */
export async function startFront(app: Pick<TestApp, 'url'>): Promise<Front> {
  let isFrozen = false;
  const answers = new Set<ServerResponse>();
  const server = createServer((req, res) => {
    answers.add(res);
    res.once('close', () => answers.delete(res));
    if (!isFrozen) pass(app, req, res, () => isFrozen);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    freeze() {
      isFrozen = true;
    },
    cut() {
      for (const res of answers) res.destroy();
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function pass({ url }: Pick<TestApp, 'url'>, req: IncomingMessage, res: ServerResponse, isFrozen: () => boolean): void {
  const asking = request(`${url}${req.url}`, { method: req.method, headers: req.headers }, (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.on('data', (chunk) => isFrozen() || res.write(chunk));
    answer.on('end', () => isFrozen() || res.end());
    answer.on('error', () => res.destroy());
  });
  asking.on('error', () => res.destroy());
  res.once('close', () => asking.destroy());
  req.pipe(asking);
}
