import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

/** A request as the receiver got it. */
export type Received = { headers: Record<string, string>; body: string; type: string; id: string };

type Answer = (reply: ServerResponse, received: Received) => unknown;

/** A real receiver on loopback, until the test ends. It answers 204 unless told otherwise. */
export async function startReceiver(answer: Answer = (reply) => void reply.writeHead(204).end()) {
  const received: Received[] = [];
  const receiver = { url: '', received, answer };
  const server = createServer(async (request, reply) => {
    const body = await text(request);
    const { type, data } = JSON.parse(body);
    const one = { headers: flat(request.headers), body, type, id: data.id };
    received.push(one);
    await receiver.answer(reply, one);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return receiver;
}

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
