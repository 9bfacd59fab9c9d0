import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { createApp } from './app.js';
import { takeCommands } from './cli/take-commands.js';
import type { Config } from './config.js';
import type { DatabaseOptions } from './db/database.js';
import { createDeps, type Deps } from './deps.js';
import { StartError } from './errors.js';
import { createHttpServer } from './http/server.js';
import { startJobs } from './jobs.js';
import { createMailer } from './mail/mailer.js';
import { startMailWorker } from './mail/worker.js';
import { tracedMailer } from './telemetry/traced.js';

export type Serving = {
  deps: Deps;
  port: number;
  /**
   * Stops: not ready from now on, requests under way are finished, then connections and database are closed.
   * Whatever still runs after `SHUTDOWN_TIMEOUT` is cut.
   */
  stop(): Promise<void>;
};

/** The server, from settings to an open port. Production and tests start it by this one function. */
export async function serve(config: Config, log: Logger, options?: DatabaseOptions): Promise<Serving> {
  const deps = await createDeps(config, log, options);
  const server = createHttpServer(createApp(deps), log);
  const underWay = trackResponses(server);
  try {
    await listen(server, config);
  } catch (error) {
    await deps.close();
    throw error;
  }
  takeCommands(deps);
  const stopJobs = startJobs(deps);
  const send = createMailer(config, log);
  const stopMail = startMailWorker(deps, deps.tracing ? tracedMailer(send, deps.tracing) : send);
  return {
    deps,
    port: (server.address() as AddressInfo).port,
    async stop() {
      deps.readiness.drain();
      const timeoutMs = config.shutdownTimeout * 1000;
      await Promise.all([drain(server, underWay, timeoutMs), stopJobs(), stopMail(timeoutMs)]);
      await deps.close();
    },
  };
}

async function listen(server: Server, { host, port }: Config): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new StartError(`PORT ${port} on ${host} is in use by another process. Stop it, or set PORT to another.`);
  }
}

function trackResponses(server: Server): Set<ServerResponse> {
  const underWay = new Set<ServerResponse>();
  server.on('request', (_req, res: ServerResponse) => {
    underWay.add(res);
    res.once('close', () => underWay.delete(res));
  });
  return underWay;
}

/**
 * While answers are under way the door stays open, so that a load balancer reads "not ready" rather than a refused
 * connection; every answer from now on ends its connection.
 */
async function drain(server: Server, underWay: Set<ServerResponse>, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  const endConnection = (res: ServerResponse) => void (res.headersSent || res.setHeader('Connection', 'close'));
  underWay.forEach(endConnection);
  server.prependListener('request', (_req, res) => endConnection(res));
  while (underWay.size > 0 && performance.now() < deadline) await sleep(10);
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
