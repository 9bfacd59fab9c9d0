import type { IncomingMessage, RequestListener } from 'node:http';
import { createTurns } from './turn-queue.js';

/**
 * Lets no client crowd out the others by what it sends at once. What one connection sends ahead of its answers (RFC 9112
 * §9.3.2) waits for them: else each would be worked out and held in memory, whether or not the client reads any. And
 * heads that take a millisecond to look through take turns.
 */
export function inOrder(app: RequestListener): RequestListener {
  const inTurn = createTurns();
  return (req, res) => {
    const begin = () => inTurn(() => app(req, res));
    if (res.socket) return hasLargeHead(req) ? begin() : app(req, res);
    // Node gives it the socket when the answer before it has been sent.
    let begun = false;
    res.once('socket', () => {
      begun = true;
      begin();
    });
    // Where the connection ends before that, nobody else tells whoever waits for the end of this one.
    req.once('close', () => begun || res.emit('close'));
  };
}

// In entries of names and values, and in characters.
const large = { headers: 128, text: 4_096 };

function hasLargeHead({ rawHeaders, headers, url }: IncomingMessage): boolean {
  return rawHeaders.length > large.headers || (headers.cookie?.length ?? 0) + (url?.length ?? 0) > large.text;
}
