import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { createApp } from './app.js';
import { commands } from './commands.js';
import type { Config } from './config.js';
import { createDeps, type Deps, type OwnCode } from './deps.js';
import { StartError } from './errors.js';
import { startJobs } from './jobs.js';
import { addressMail, type MailTexts, mailsWithLink } from './mails.js';
import { on } from './own/events.js';
import { ownMailTexts } from './own/mail-texts.js';
import { warnOfOrphanedPasskeys } from './passkeys/doctor.js';
import { warnOfUnknownRoles } from './permissions/unknown-roles.js';
import { serveCommands } from './platform/cli/serve-commands.js';
import type { DatabaseOptions } from './platform/db/database.js';
import { waitForServer } from './platform/db/wait-for-server.js';
import { prepareDrain } from './platform/http/drain.js';
import { createHttpServer } from './platform/http/server.js';
import { deliverMails } from './platform/mail/deliver.js';
import { createMailer } from './platform/mail/mailer.js';
import { checkMailTexts } from './platform/mail/own-texts.js';
import { startOutboxWorker } from './platform/outbox/worker.js';
import { tracedMailer } from './platform/telemetry/traced.js';
import { reportNewIssuer } from './sessions/issuer-change.js';
import type { EventHandlers } from './webhooks/handlers.js';
import { startWebhookWorker } from './webhooks/worker.js';

export type Serving = {
  deps: Deps;
  port: number;
  /**
   * Requests in flight finish, then connections and database close. What still runs after `SHUTDOWN_TIMEOUT` is cut.
   */
  stop(): Promise<void>;
};

/** `own`: for tests, code in the place of that of src/own. */
type ServeOptions = DatabaseOptions & {
  own?: Partial<OwnCode & { mailTexts: MailTexts; on: EventHandlers }> | undefined;
};

/**
 * Starts the server. If the database is down, the port opens first and answers 503: the order of starts does not
 * matter.
 */
export async function serve(config: Config, log: Logger, options: ServeOptions = {}): Promise<Serving> {
  const texts = options.own?.mailTexts ?? ownMailTexts;
  checkMailTexts(texts, mailsWithLink);
  const { server, use } = createHttpServer(log, config);
  const drain = prepareDrain(server, { behindProxy: config.trustProxy !== false });
  await waitForServer(config.database.url, async (why) => {
    await listen(server, config);
    log.warn({ err: why, port: portOf(server) }, 'the database cannot be reached: waiting for it');
  });
  const deps = await createDeps(config, log, options);
  use(createApp(deps));
  try {
    if (!server.listening) await listen(server, config);
  } catch (error) {
    await deps.close();
    throw error;
  }
  if (!config.production && !/^(127\.|::1$|localhost$)/.test(config.host))
    log.warn(
      { host: config.host },
      'NODE_ENV is not production, but other machines may connect: set NODE_ENV=production if they are to',
    );
  const [, directory] = /^pglite:(?!memory$)(.+)$/.exec(config.database.url) ?? [];
  if (directory !== undefined) await reportNewIssuer(directory, config.tokens.issuer, log);
  await warnOfUnknownRoles(deps);
  await warnOfOrphanedPasskeys(deps);
  serveCommands(deps, commands);
  const stopJobs = startJobs(deps);
  const send = createMailer(config.mail, config.production, log);
  const traced = deps.tracing ? tracedMailer(send, deps.tracing) : send;
  const stopOutbox = startOutboxWorker(
    deps,
    deliverMails(deps, { address: addressMail, allows: deps.hooks.beforeMail, texts }, traced),
  );
  const stopWebhooks = await startWebhookWorker(deps, options.own?.on ?? on);
  return {
    deps,
    port: portOf(server),
    async stop() {
      deps.readiness.drain();
      // They would never end by themselves.
      deps.revocationStreams.end();
      const timeoutMs = config.shutdownTimeout * 1000;
      await Promise.all([drain(timeoutMs), stopJobs(), stopOutbox(timeoutMs), stopWebhooks(timeoutMs)]);
      await deps.close();
    },
  };
}

async function listen(server: Server, { host, port }: Config): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartError(
      code === 'EADDRINUSE'
        ? `PORT ${port} on ${host} is in use by another process. Stop it, or set PORT to another.`
        : `HOST must be an address of this machine, such as 127.0.0.1 or 0.0.0.0, and PORT one that this user may open (${code}).`,
      { cause: error },
    );
  }
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
