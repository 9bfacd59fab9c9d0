import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

/** Longer than a proxy keeps an idle connection (deploy/nginx/upstream.conf: 2 s), so that it is the proxy that closes it. */
export const idleLagMs = 3_000;

type Drain = (timeoutMs: number) => Promise<void>;

/**
 * Makes it possible to stop a server without losing a request.
 * @param behindProxy whether its idle connections are a proxy's
 * @returns stops: what is under way is answered, every answer ends its connection, and whatever is still open after
 * the time given, in milliseconds, is cut. To be called once.
 */
export function prepareDrain(server: Server, { behindProxy }: { behindProxy: boolean }): Drain {
  const underWay = new Set<ServerResponse>();
  const connections = new Set<Socket>();
  let accepted = 0;
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', (_req, res: ServerResponse) => {
    underWay.add(res);
    res.once('close', () => underWay.delete(res));
  });

  // A connection that waits to be accepted is reset when the door closes. So it closes right after a turn of the event
  // loop that accepted nobody, and took so little time that hardly anybody can have come since.
  async function closeDoor(patienceEnds: number): Promise<void> {
    await setImmediate();
    for (let quiet = false; !quiet && performance.now() < patienceEnds; ) {
      const [seen, turnBegan] = [accepted, performance.now()];
      await setImmediate();
      quiet = accepted === seen && performance.now() - turnBegan < 1;
    }
    // http.Server's own close() would end idle connections as well.
    NetServer.prototype.close.call(server);
  }

  function endEachConnection(): void {
    underWay.forEach(endConnection);
    server.prependListener('request', (_req, res) => endConnection(res));
  }

  // A proxy keeps its connections, so hardly anybody is at the door just now, and whom it refuses asks elsewhere.
  async function stopBehindProxy(patienceEnds: number, deadline: number): Promise<void> {
    await closeDoor(patienceEnds);
    endEachConnection();
    // It may be sending into an idle connection right now, and dares not repeat a POST that met a closing one.
    await until(() => connections.size === 0, Math.min(performance.now() + idleLagMs, deadline));
  }

  // While they are answered who were there, the door stays open: others read "not ready" rather than nothing.
  async function stopInPublic(patienceEnds: number, deadline: number): Promise<void> {
    const there = [...underWay];
    endEachConnection();
    await until(() => there.every((res) => !underWay.has(res)), deadline);
    await closeDoor(patienceEnds);
  }

  return async (timeoutMs) => {
    const startedAt = performance.now();
    const deadline = startedAt + timeoutMs;
    const closed = once(server, 'close');
    // On a machine without a free moment, half of the time may go by before the right one comes to close the door.
    await (behindProxy ? stopBehindProxy : stopInPublic)(startedAt + timeoutMs / 2, deadline);
    await until(() => underWay.size === 0, deadline);
    server.closeAllConnections();
    // The rest of http.Server's own close(), which closeDoor() leaves out.
    server.close();
    await closed;
  };
}

async function until(isDone: () => boolean, deadline: number): Promise<void> {
  while (!isDone() && performance.now() < deadline) await sleep(10);
}

function endConnection(res: ServerResponse): void {
  if (!res.headersSent) res.setHeader('Connection', 'close');
}
