import { connect, type Socket } from 'node:net';
import type { TestApp } from './app.js';
import { checkContract } from './contract.js';

/** A response as it came off the socket. */
export type RawAnswer = { status: number; headers: Record<string, string>; body: unknown; text: string };

/** A connection to the app on which anything can be said. */
export function connectTo(app: Pick<TestApp, 'url'>): Socket {
  const { port } = new URL(app.url);
  // Half of what these tests do ends in a reset; what matters is what was answered before.
  return connect(Number(port), '127.0.0.1').on('error', () => {});
}

/** Says this, and returns what is answered until the server closes the connection. */
export async function say(app: Pick<TestApp, 'url'>, ...pieces: (string | Buffer)[]): Promise<RawAnswer> {
  const socket = connectTo(app);
  for (const piece of pieces) socket.write(piece);
  const answer = parseAnswer(await untilClosed(socket));
  const [, method = '', path = ''] = /^(\S+) (\S+) HTTP/.exec(String(pieces[0])) ?? [];
  // A connection may also end without a word.
  if (answer.status > 0) checkContract({ method, path, ...answer });
  return answer;
}

/** All that the server still says on this connection, also where a reset ends it. */
export async function untilClosed(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString();
}

/** Reads one response with its body to the end of what is given. */
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
