import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export type Stub = { url: string /** `GET /path` of each request so far. */; asked: string[] };

/** A server that answers as a test says, until the test ends. */
export async function startStub(
  answer: (req: IncomingMessage, res: ServerResponse, url: string) => void,
): Promise<Stub> {
  const asked: string[] = [];
  const server = createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`);
    answer(req, res, url);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url, asked };
}
