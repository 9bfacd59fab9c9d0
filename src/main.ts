import { type Logger, pino } from 'pino';
import { type Config, loadConfig } from './config.js';
import { lowerHelperThreads } from './passwords/hash-priority.js';
import { createLog } from './platform/process/log.js';
import { terminalLog } from './platform/process/terminal-log.js';
import { type Serving, serve } from './serve.js';

try {
  const config = loadConfig();
  await lowerHelperThreads();
  const log = createLog(config.logLevel, isForPeople(config) ? terminalLog(process.stdout) : jsonLines());
  await run(config, log);
} catch (error) {
  // The operator reads lines, not stacks; an error that is not made for operators is our bug.
  process.stderr.write(
    `${isForOperators(error) ? error.message : String(error instanceof Error ? error.stack : error)}\n`,
  );
  process.exit(1);
}

function isForPeople({ production }: Config): boolean {
  return process.stdout.isTTY && !production;
}

// Batched: a write for each line cost a tenth of a small request. 16,384 would be too many.
function jsonLines() {
  return pino.destination({ sync: false, minLength: 16_000, periodicFlush: 100 });
}

async function run(config: Config, log: Logger): Promise<void> {
  let server: Serving | undefined;
  let stoppingSince: number | undefined;
  async function stop(reason: string, exitCode: number): Promise<void> {
    // A second signal means: stop now. But npm repeats a Ctrl-C that its child has already received.
    if (stoppingSince !== undefined && performance.now() - stoppingSince > 500) process.exit(1);
    if (stoppingSince !== undefined) return;
    stoppingSince = performance.now();
    log.info({ reason }, 'stopping');
    await server?.stop();
    log.info('stopped');
    log.flush(() => process.exit(exitCode));
  }
  // Before the start, which may wait for the database: process 1 of a container ignores signals without a listener.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal, 0));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error) => {
      log.fatal({ err: error }, event);
      void stop(event, 1);
    });

  server = await serve(config, log);
  log.info({ port: server.port, host: config.host }, 'listening');
  if (!config.production) greet(config, server.port);
}

function isForOperators(error: unknown): error is Error {
  return error instanceof Error && error.name === 'StartError';
}

/** On standard error: standard output is for log lines only. */
function greet({ tokens, database, playground }: Config, port: number): void {
  const url = `http://localhost:${port}`;
  process.stderr.write(`
  Gatelatch is open at ${url} (database: ${database.url.startsWith('pglite:') ? `embedded, ${database.url}` : 'Postgres'}).
${playground ? `\n  Open it in a browser: the page shows everything at work. Or use a shell:\n` : ''}
  Sign up:

    curl -s ${url}/auth/signup -H 'Content-Type: application/json' \\
      -d '{"username":"ada","password":"correct horse battery staple"}'

  Log in, keep the access token (good for ${Math.round(tokens.accessTtl / 60)} minutes), and open a protected route with it:

    TOKEN=$(curl -s ${url}/auth/login -H 'Content-Type: application/json' \\
      -d '{"username":"ada","password":"correct horse battery staple"}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
    curl -s ${url}/welcome -H "Authorization: Bearer $TOKEN"

  Continue with the README. Ctrl-C stops the server.

`);
}
