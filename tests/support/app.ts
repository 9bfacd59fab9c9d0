import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import request, { type Response } from 'supertest';
import { onTestFinished } from 'vitest';
import { type Config, parseConfig } from '../../src/config.js';
import type { Deps } from '../../src/deps.js';
import { createLog } from '../../src/platform/process/log.js';
import { serve } from '../../src/serve.js';
import { checkContract } from './contract.js';
import { watched } from './exchanges.js';
import { dumpOf, expectNoSecret, noteServersSecrets } from './leaks.js';
import { lendDatabase } from './lent-databases.js';
import { createSecrets, type Secrets } from './secrets.js';
import type { TestDatabase } from './test-database.js';

/** The password that tests sign up with by default. */
export const goodPassword = 'correct horse battery staple';

type OwnCode = NonNullable<NonNullable<Parameters<typeof serve>[2]>['own']>;

export type TestApp = {
  url: string;
  config: Config;
  deps: Deps;
  /** Sends a request to the running server: `app.http.post('/auth/login').send({…})`. */
  http: ReturnType<typeof request>;
  /** Every log line so far, parsed. */
  logs: Record<string, unknown>[];
  /** Every SQL statement since the last `statements.length = 0`, without those of the mail worker and of jobs. */
  statements: string[];
  /** All secrets that `http` sent and received, and those of the server. A test may add its own. */
  secrets: Secrets;
  /** Signs a new user up and returns their tokens. */
  signUp(fields?: Record<string, unknown>): Promise<SignedUp>;
  /** @throws if a secret is in the log, in the database, or in a response that should not contain it */
  stop(): Promise<void>;
};

/** @property on the handlers of own/events.ts */
type StartOptions = { database?: TestDatabase; databaseUrl?: string; own?: OwnCode };

export type SignedUp = {
  username: string;
  password: string;
  accessToken: string;
  refreshToken: string;
  sessionId: string;
  deviceToken: string;
  userId: string;
  /** The header for protected routes. */
  bearer: { Authorization: string };
};

/**
 * Starts the real server on its own database. The caller must stop it; {@link startAppForTest} stops it by itself.
 * @param environment settings as a user would set them, over cheap and quiet defaults
 * @param options a database that is there already, and stays; by itself or by its URL. `own`: code in place of that of
 *   src/own
 */
export async function startApp(environment: Record<string, string> = {}, options: StartOptions = {}): Promise<TestApp> {
  if (options.database || options.databaseUrl)
    return await startOn(options.database, environment, options.own, options.databaseUrl);
  const lent = await lendDatabase();
  try {
    const app = await startOn(lent, environment, options.own);
    let stopped: Promise<void> | undefined;
    return { ...app, stop: () => (stopped ??= app.stop().finally(lent.drop)) };
  } catch (error) {
    await lent.drop();
    throw error;
  }
}

async function startOn(
  database: TestDatabase | undefined,
  environment: Record<string, string>,
  own?: OwnCode,
  databaseUrl = database?.url,
): Promise<TestApp> {
  const config = parseConfig({
    NODE_ENV: 'test',
    PORT: '0',
    JWT_ISSUER: 'http://localhost:3000',
    DATABASE_URL: databaseUrl,
    AUTH_SECRET: 'tests-only-0123456789abcdefghijklmnopqrstuvwxyz',
    PASSWORD_HASH: 'm=1024,t=1,p=1',
    // All tests come from one address. Tests of limits set what they need.
    RATE_LIMIT: 'off',
    MAIL_FOLDER: join(tmpdir(), `gatelatch-mail-${randomUUID()}`),
    ...environment,
  });
  const logs: Record<string, unknown>[] = [];
  const log = createLog(config.logLevel, { write: (line: string) => void logs.push(JSON.parse(line)) });
  const statements: string[] = [];
  const onStatement = (sql: string) =>
    void (isOfMailWorker(sql) || isOfWebhookWorker(sql) || isOfJob(sql) || statements.push(sql));
  const server = await serve(config, log, { onStatement, driver: await database?.openDriver?.(), own });
  const url = `http://localhost:${server.port}`;
  const [secrets, answers] = [createSecrets(), [] as string[]];
  const http = watched(byContract(request(url)), secrets, answers);
  const app = { url, config, deps: server.deps, http, logs, statements, secrets };
  const stop = async () => {
    noteServersSecrets(app, secrets);
    // Some tests end with a database that is unavailable or broken, so there is nothing to dump.
    const dump = dumpOf(server.deps.db).catch(() => '');
    await server.stop();
    rmSync(config.mail.folder, { recursive: true, force: true });
    expectNoSecret(secrets, { log: JSON.stringify(logs), database: await dump, answers: answers.join('\n') });
  };
  let stopped: Promise<void> | undefined;
  return { ...app, stop: () => (stopped ??= stop()), signUp: (fields) => signUp(http, fields) };
}

/** Whether this is a job that looks for what was left over, which it does once a minute. */
function isOfJob(sql: string): boolean {
  return /^SELECT\b.*\bFROM (?:"public"\.)?"unfinished_ending"|^SELECT\b.*"deleted_at" IS NOT NULL/s.test(sql);
}

/**
 * Whether this is the mail worker taking due mails, asking for the next one or noting one as sent, which it does at any
 * time. All other statements on the outbox count, also those of requests.
 */
function isOfMailWorker(sql: string): boolean {
  return (
    /^\s*UPDATE outbox SET sent_at = clock_timestamp\(\)/.test(sql) ||
    /^\s*UPDATE outbox SET attempts = .*\bFOR UPDATE SKIP LOCKED\b/s.test(sql) ||
    /^\s*SELECT extract\(epoch FROM min\(due_at\) .* FROM outbox o WHERE\b/s.test(sql)
  );
}

/** Whether this is the worker of webhooks taking deliveries, asking for the next one or marking one. */
function isOfWebhookWorker(sql: string): boolean {
  return (
    /^\s*SELECT count\(\*\)::int AS webhooks,\s+extract\(epoch FROM min\(/.test(sql) ||
    /^\s*WITH (free AS MATERIALIZED|marked AS) \(\s*(SELECT|UPDATE)\b.*\bwebhook_delivery\b/s.test(sql)
  );
}

/** {@link startApp}, stopped when the current test ends. */
export async function startAppForTest(...args: Parameters<typeof startApp>): Promise<TestApp> {
  const app = await startApp(...args);
  onTestFinished(app.stop);
  return app;
}

/** The same, but a response that the contract does not allow fails the test. */
function byContract(http: TestApp['http']): TestApp['http'] {
  const checked = (method: 'get', path: string) =>
    http[method](path).expect(({ status, headers, text = '' }: Response) =>
      checkContract({ method: method.toUpperCase(), path, status, headers, text }),
    );
  return new Proxy(http, { get: (_, method: 'get') => (path: string) => checked(method, path) });
}

let users = 0;

async function signUp(http: TestApp['http'], fields: Record<string, unknown> = {}): Promise<SignedUp> {
  users += 1;
  const wanted = { username: `user-${users}`, password: goodPassword, ...fields };
  const { body, status } = await http.post('/auth/signup').send(wanted);
  if (status !== 201) throw new Error(`Sign-up failed: ${JSON.stringify(body)}`);
  return {
    ...wanted,
    accessToken: body.access_token,
    refreshToken: body.refresh_token,
    sessionId: body.session_id,
    deviceToken: body.device_token,
    userId: body.user.id,
    bearer: { Authorization: `Bearer ${body.access_token}` },
  };
}
