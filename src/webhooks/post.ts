import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isReachable, literalAddress, lookupAmong, type Network, UnreachableAddress } from './addresses.js';

type Options = { headers: Record<string, string>; body: string; allow: Network[]; signal: AbortSignal };

/** @property retryAfter the header as it came */
export type Reply = { status: number; retryAfter: string | undefined };

const mostBytesRead = 16 * 1024;

/** Nobody waits for a body that drips, in milliseconds. */
const bodyPatience = 1_000;

/** Of all that comes: what stands before the head, such as empty lines and 1xx, has no end either. */
const mostBytesTaken = 64 * 1024;

/**
 * Posts to an address that is allowed, on a connection of its own; redirects are not followed. Once the head of the
 * reply is there, its status counts: the body is read to its end, to 16 KiB, or for a second, and forgotten.
 * @throws what Node says of the connection, UnreachableAddress, or the signal's reason
 */
export async function post(url: URL, { headers, body, allow, signal }: Options): Promise<Reply> {
  const address = literalAddress(url);
  // Node looks up names alone.
  if (address !== undefined && !isReachable(address, allow)) throw new UnreachableAddress();
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise<Reply>((resolve, reject) => {
    const sending = request(url, {
      method: 'POST',
      agent: false,
      headers: { ...headers, 'Content-Length': Buffer.byteLength(body) },
      lookup: lookupAmong(allow),
    });
    const cut = () => sending.destroy(signal.reason);
    signal.addEventListener('abort', cut, { once: true });
    let head: Reply | undefined;
    const end = (error: Error) => (head ? resolve(head) : reject(error));
    sending.on('error', end);
    sending.on('socket', (socket) => {
      let taken = 0;
      socket.on('data', (chunk: Buffer) => {
        taken += chunk.length;
        if (taken >= mostBytesTaken) sending.destroy();
      });
    });
    sending.on('response', (reply) => {
      head = { status: reply.statusCode ?? 0, retryAfter: reply.headers['retry-after'] };
      const late = setTimeout(() => sending.destroy(), bodyPatience);
      sending.once('close', () => clearTimeout(late));
      let read = 0;
      reply.on('data', (chunk: Buffer) => {
        read += chunk.length;
        if (read >= mostBytesRead) sending.destroy();
      });
      reply.on('error', end);
    });
    sending.on('close', () => {
      signal.removeEventListener('abort', cut);
      // Neither a reply nor an error: it changed to another protocol.
      end(new Error('no reply'));
    });
    sending.end(body);
    if (signal.aborted) cut();
  });
}
