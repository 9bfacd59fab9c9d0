import type { IncomingMessage, RequestListener } from 'node:http';
import { refuseAsOverloaded } from './overloaded.js';
import { createTurnQueue } from './turn-queue.js';
import { createWaitingRoom } from './waiting-room.js';

/**
 * Stops one client from crowding out others. Pipelined requests (RFC 9112 §9.3.2) wait for the response before them:
 * otherwise all would run and stay in memory, even if the client reads none. If too many wait, the connection ends after
 * them. Requests with large heads, a millisecond each, take turns.
 */
export function answerInRequestOrder(app: RequestListener): RequestListener {
  const queueTurn = createTurnQueue();
  const room = createWaitingRoom();
  const refuse = refuseAsOverloaded();
  return (req, res) => {
    const begin = () =>
      queueTurn(() => {
        // For a client that has left nothing is done: nobody would hear of the end of this response any more.
        if (!req.socket.destroyed) app(req, res);
      });
    if (res.socket) return hasLargeHead(req) ? begin() : app(req, res);
    const leave = room.enter(req);
    if (!leave) stopReading(req);
    // Node assigns the socket when the response before it has been sent.
    let begun = false;
    res.once('socket', () => {
      begun = true;
      leave?.();
      if (leave) begin();
      else refuse(res);
    });
    // If the connection ends before that, listeners for the end of this response get no other event.
    req.once('close', () => {
      if (begun) return;
      leave?.();
      res.emit('close');
    });
  };
}

// In entries of names and values, and in characters.
const large = { headers: 128, text: 4_096 };

function hasLargeHead({ rawHeaders, headers, url }: IncomingMessage): boolean {
  return rawHeaders.length > large.headers || (headers.cookie?.length ?? 0) + (url?.length ?? 0) > large.text;
}

/**
 * In the midst of what was received: 64 KiB may hold 2,000 more requests. Node has no public way. The server hears of it
 * as a `clientError` with the code `HPE_PAUSED`.
 */
function stopReading({ socket }: IncomingMessage & { socket: { parser?: { pause?(): void } } }): void {
  socket.parser?.pause?.();
}
