import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isReachable, literalAddress, lookupAmong, type Network, UnreachableAddress } from './addresses.js';

type Options = { headers: Record<string, string>; body: string; allow: Network[]; signal: AbortSignal };

/** @property retryAfter the header as it came */
export type Reply = { status: number; retryAfter: string | undefined };

const mostBytesRead = 16 * 1024;

/**
 * Posts to an address that is allowed, on a connection of its own; redirects are not followed. Once the head of the
 * reply is there, its status counts: the body is read to its end, to 16 KiB, or until the signal, and forgotten.
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
    sending.on('error', reject);
    sending.on('response', (reply) => {
      let read = 0;
      reply.on('data', (chunk: Buffer) => {
        read += chunk.length;
        if (read >= mostBytesRead) sending.destroy();
      });
      reply.on('error', () => undefined);
      reply.on('close', () => {
        resolve({ status: reply.statusCode ?? 0, retryAfter: reply.headers['retry-after'] });
      });
    });
    // Without an error nor a reply, such as a switch of protocols that nobody asked for.
    sending.on('close', () => {
      signal.removeEventListener('abort', cut);
      reject(new Error('closed'));
    });
    sending.end(body);
    if (signal.aborted) cut();
  });
}
