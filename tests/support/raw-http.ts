import { connect, type Socket } from 'node:net';
import type { TestApp } from './app.js';
import { checkContract } from './contract.js';

/** A response as it came from the socket. */
export type RawAnswer = { status: number; headers: Record<string, string>; body: unknown; text: string };

/** A raw connection to the app. */
export function connectTo(app: Pick<TestApp, 'url'>): Socket {
  const { port } = new URL(app.url);
  // Many of these tests end in a reset; only the response before it matters.
  return connect(Number(port), '127.0.0.1').on('error', () => {});
}

/** Sends these pieces, and returns the response once the server closes the connection. */
export async function say(app: Pick<TestApp, 'url'>, ...pieces: (string | Buffer)[]): Promise<RawAnswer> {
  const socket = connectTo(app);
  for (const piece of pieces) socket.write(piece);
  const answer = parseAnswer(await untilClosed(socket));
  const [, method = '', path = ''] = /^(\S+) (\S+) HTTP/.exec(String(pieces[0])) ?? [];
  // A connection may also end without a response.
  if (answer.status > 0) checkContract({ method, path, ...answer });
  return answer;
}

/** Everything that the server still sends on this connection, even if a reset ends it. */
export async function untilClosed(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString();
}

/** Parses one response with its body. */
export function parseAnswer(raw: string): RawAnswer {
  const [head = '', ...rest] = raw.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const content = rest.join('\r\n\r\n');
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1]),
    headers: Object.fromEntries(lines.map((line) => [line.split(': ')[0]?.toLowerCase(), line.split(': ')[1]])),
    body: content.startsWith('{') ? JSON.parse(content) : undefined,
    text: content,
  };
}
