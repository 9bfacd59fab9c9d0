import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Config, parseConfig } from '../../src/config.js';
import { createSecretBox, type SecretBox } from '../../src/keys/secret-box.js';
import { type Database, type Db, openDatabase } from '../../src/platform/db/database.js';
import { createRevocations, type Revocations } from '../../src/sessions/revocations.js';
import { goodPassword } from './app.js';
import { checkContract } from './contract.js';
import { createServerDatabase } from './test-database.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The server as a separate process, as it runs in production. */
export type Instance = {
  url: string;
  pid: number;
  /** Its log lines. */
  logs: string[];
  /** Sends SIGTERM and waits until it has drained. @throws if the exit code is not 0 */
  stop(): Promise<void>;
};

/** The default settings in tests of instances: the same for all, cheap and quiet. */
const settings = {
  NODE_ENV: 'test',
  PORT: '0',
  JWT_ISSUER: 'http://localhost:3000',
  AUTH_SECRET: 'tests-only-0123456789abcdefghijklmnopqrstuvwxyz',
  PASSWORD_HASH: 'm=1024,t=1,p=1',
  RATE_LIMIT: 'off',
};

let built: Promise<unknown> | undefined;

/** Runs `node dist/main.js` on this database, in its own directory. */
export async function runServer(
  databaseUrl: string,
  environment: Record<string, string> = {},
): Promise<{ child: ChildProcess; logs: string[]; cwd: string }> {
  built ??= promisify(execFile)(process.execPath, ['scripts/build.mjs'], { cwd: root });
  await built;
  const cwd = mkdtempSync(join(tmpdir(), 'gatelatch-instance-'));
  const env = { PATH: process.env.PATH, ...settings, DATABASE_URL: databaseUrl, ...environment };
  const child = spawn(process.execPath, [join(root, 'dist/main.js')], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const logs: string[] = [];
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', (line) => logs.push(line));
  return { child, logs, cwd };
}

/** Starts `node dist/main.js` on this database and waits until it listens; about a second. */
export async function startInstance(databaseUrl: string, environment: Record<string, string> = {}): Promise<Instance> {
  const { child, logs, cwd } = await runServer(databaseUrl, environment);
  const port = await listeningPort(child, logs);
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    logs,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const exit = once(child, 'exit');
        child.kill('SIGTERM');
        await exit;
      }
      rmSync(cwd, { recursive: true, force: true });
      if (child.exitCode !== 0) throw new Error(`It ended with ${child.exitCode}:\n${logs.slice(-5).join('\n')}`);
    },
  };
}

async function listeningPort(child: ChildProcess, logs: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`It ended with ${code}:\n${logs.slice(-5).join('\n')}`)));
    if (!child.stdout) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const entry = line.startsWith('{') ? JSON.parse(line) : {};
      if (entry.msg === 'listening') resolve(entry.port);
    });
  });
}

/** Stops instances together, and ignores those that never started. */
export async function stopAll(...instances: (Instance | undefined)[]): Promise<void> {
  await Promise.all(instances.map((instance) => instance?.stop()));
}

// biome-ignore lint/suspicious/noExplicitAny: each test knows what the response to its request contains.
export type Answer = { status: number; body: any };

type Asking = {
  bearer?: string;
  body?: unknown;
  /** More headers of the test. */
  headers?: Record<string, string>;
  /** The address to come from: any of 127.0.0.0/8. */
  from?: string;
};

// Cheaper than `fetch`, so that the server is measured and not the client.
const agent = new Agent({ keepAlive: true });

/** One request: `ask(instance, 'GET /me', { bearer })`. */
export async function ask(to: Pick<Instance, 'url'>, line: string, asking: Asking = {}): Promise<Answer> {
  const { bearer, body, from } = asking;
  const [method, path] = line.split(' ');
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...asking.headers,
    ...(bearer !== undefined && { Authorization: `Bearer ${bearer}` }),
    ...(sent !== undefined && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(sent) }),
  };
  return new Promise((resolve, reject) => {
    const options = { method: method as string, agent, headers, ...(from !== undefined && { localAddress: from }) };
    const sending = request(`${to.url}${path}`, options, async (answer) => {
      try {
        const received = await text(answer);
        const { statusCode: status = 0, headers } = answer;
        checkContract({ method: String(method), path: String(path), status, headers, text: received });
        resolve({ status, body: received === '' ? undefined : JSON.parse(received) });
      } catch (error) {
        reject(error);
      }
    });
    sending.on('error', reject);
    sending.end(sent);
  });
}

export const refresh = (to: Pick<Instance, 'url'>, token: string) =>
  ask(to, 'POST /auth/refresh', { body: { refresh_token: token } });
export const welcome = (to: Pick<Instance, 'url'>, token: string) => ask(to, 'GET /welcome', { bearer: token });

/** The tokens of a login. */
export type Tokens = { username: string; userId: string; sessionId: string; access: string; refresh: string };

export function tokensOf(username: string, { status, body }: Answer): Tokens {
  if (status !== 200 && status !== 201) throw new Error(`No tokens: ${status} ${JSON.stringify(body)}`);
  return {
    username,
    userId: body.user.id,
    sessionId: body.session_id,
    access: body.access_token,
    refresh: body.refresh_token,
  };
}

let users = 0;

/** A name that no other test uses. */
export function newName(): string {
  users += 1;
  return `user-${process.pid}-${users}`;
}

export async function signUp(to: Pick<Instance, 'url'>, username = newName()): Promise<Tokens> {
  return tokensOf(username, await ask(to, 'POST /auth/signup', { body: { username, password: goodPassword } }));
}

export async function logIn(to: Pick<Instance, 'url'>, username: string, password = goodPassword): Promise<Tokens> {
  return tokensOf(username, await ask(to, 'POST /auth/login', { body: { username, password } }));
}

/** An operator who works on the database next to the instances, as the command line does. */
export type Operator = {
  config: Config;
  db: Db;
  box: SecretBox;
  revocations: Revocations;
  close(): Promise<void>;
};

export async function openOperator(url: string, environment: Record<string, string> = {}): Promise<Operator> {
  const config = parseConfig({ ...settings, DATABASE_URL: url, ...environment });
  const database: Database = await openDatabase({ url, poolSize: 10 });
  const previous = config.authSecretPrevious;
  return {
    config,
    db: database.client,
    box: createSecretBox([config.authSecret as string, ...(previous ? [previous] : [])]),
    revocations: createRevocations(database.client),
    close: database.close,
  };
}

/** Two instances on a database of their own, and an operator beside them. */
type Pair = { one: Instance; other: Instance; operator: Operator; stop(): Promise<void> };

export async function startPair(): Promise<Pair> {
  const database = await createServerDatabase();
  const [one, other] = await Promise.all([startInstance(database.url), startInstance(database.url)]);
  const operator = await openOperator(database.url);
  return {
    one,
    other,
    operator,
    async stop() {
      await stopAll(one, other);
      await operator.close();
      await database.drop();
    },
  };
}

/** The smallest of these numbers that is at least as large as the given share of them. */
export function percentile(numbers: number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** Prints measurements to the output of the test run. */
export function print(what: string, milliseconds: number[]): void {
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => percentile(milliseconds, share).toFixed(1));
  process.stdout.write(`  ${what}: p50 ${p50} ms, p99 ${p99} ms, max ${max} ms (${milliseconds.length} rounds)\n`);
}
