import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';

/** Longer than a proxy keeps an idle connection (deploy/nginx/upstream.conf: 2 s), so that the proxy closes it. */
export const idleLagMs = 3_000;

type Drain = (timeoutMs: number) => Promise<void>;

/**
 * Lets a server stop without losing a request.
 * @param behindProxy whether idle connections belong to a proxy
 * @returns a function to call once: it finishes requests in flight, and after `timeoutMs` cuts the rest
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

  // Closing resets connections that wait to be accepted. So close right after a short turn of the event loop that
  // accepted none: then hardly any can be waiting.
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

  // A proxy keeps its connections, so hardly any new one comes now; if refused, the proxy asks another instance.
  async function stopBehindProxy(patienceEnds: number, deadline: number): Promise<void> {
    await closeDoor(patienceEnds);
    endEachConnection();
    // The proxy may be sending on an idle connection now, and must not repeat a POST whose connection closes.
    await until(() => connections.size === 0, Math.min(performance.now() + idleLagMs, deadline));
  }

  // Keeps accepting connections while requests in flight finish: newcomers get 503, not a refused connection.
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
    // On a busy machine, finding the right moment to close may take up to half of the time.
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
