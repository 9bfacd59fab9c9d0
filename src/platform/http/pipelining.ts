import type { IncomingMessage, RequestListener } from 'node:http';
import { createTurnQueue } from './turn-queue.js';

/**
 * Stops one client from crowding out others. Pipelined requests (RFC 9112 §9.3.2) wait for the response before them:
 * otherwise all would run and stay in memory, even if the client reads none. Requests with large heads, a millisecond
 * each, take turns.
 */
export function answerInRequestOrder(app: RequestListener): RequestListener {
  const queueTurn = createTurnQueue();
  return (req, res) => {
    const begin = () => queueTurn(() => app(req, res));
    if (res.socket) return hasLargeHead(req) ? begin() : app(req, res);
    // Node assigns the socket when the response before it has been sent.
    let begun = false;
    res.once('socket', () => {
      begun = true;
      begin();
    });
    // If the connection ends before that, listeners for the end of this response get no other event.
    req.once('close', () => begun || res.emit('close'));
  };
}

// In entries of names and values, and in characters.
const large = { headers: 128, text: 4_096 };

function hasLargeHead({ rawHeaders, headers, url }: IncomingMessage): boolean {
  return rawHeaders.length > large.headers || (headers.cookie?.length ?? 0) + (url?.length ?? 0) > large.text;
}
