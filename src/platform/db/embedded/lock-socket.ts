import { once } from 'node:events';
import { chmod, rename, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';

export type Greeting = {
  pid: number;
  /** `starting`: still looking for other processes. `holding`: it has the directory. */
  state: 'starting' | 'holding';
  /** When the process took the socket, RFC 3339 in UTC. */
  since: string;
};

/** Answers one command; a thrown error is answered as `{ "error": message }`. */
export type CommandHandler = (request: unknown) => Promise<unknown>;

export type LockSocket = {
  greeting: Greeting;
  /** Each further line is a command in JSON, and gets one line of JSON as its answer. */
  onCommand: CommandHandler;
  close(): Promise<void>;
};

/**
 * Listens under `path`, for this user alone. The name appears only when the socket listens, so a name that does not
 * answer belongs to a dead process.
 * @param temporary a free second name beside `path`
 * @throws if the path is too long for a socket, or `temporary` was removed meanwhile (ENOENT)
 */
export async function openLockSocket(path: string, temporary: string): Promise<LockSocket> {
  const greeting: Greeting = { pid: process.pid, state: 'starting', since: new Date().toISOString() };
  const connections = new Set<Socket>();
  const lock: LockSocket = {
    greeting,
    onCommand: async () => ({ error: 'This process takes no commands.' }),
    close: async () => {
      await rm(path, { force: true });
      server.close();
      for (const connection of connections) connection.destroy();
    },
  };
  const server = createServer((connection) => {
    connections.add(connection);
    connection.on('close', () => connections.delete(connection));
    serve(connection, lock);
  });
  await listen(server, temporary);
  try {
    await chmod(temporary, 0o600);
    await rename(temporary, path);
  } catch (error) {
    await lock.close();
    throw error;
  }
  return lock;
}

/** The path as a socket address: absolute, or relative to the working directory if that is shorter. */
export function socketAddress(path: string): string {
  const absolute = resolve(path);
  const short = [relative('', absolute), absolute].sort((a, b) => Buffer.byteLength(a) - Buffer.byteLength(b))[0];
  const length = Buffer.byteLength(short ?? absolute);
  if (short !== undefined && length <= LONGEST_ADDRESS) return short;
  throw new Error(`The path ${absolute} is too long for a socket (${length} bytes, at most ${LONGEST_ADDRESS}).`);
}

// macOS has 104 bytes for it, Linux 108, both with a final NUL.
const LONGEST_ADDRESS = 103;

async function listen(server: Server, path: string): Promise<void> {
  server.listen(socketAddress(path)).unref();
  await once(server, 'listening');
}

function serve(connection: Socket, lock: LockSocket): void {
  connection.on('error', () => connection.destroy());
  connection.write(`${JSON.stringify(lock.greeting)}\n`);
  const lines = createInterface({ input: connection });
  // Repeats the connection's error; without a listener it would end the process.
  lines.on('error', () => undefined);
  lines.on('line', async (line) => {
    connection.write(`${JSON.stringify((await answer(line, lock.onCommand)) ?? null)}\n`);
  });
}

async function answer(line: string, onCommand: CommandHandler): Promise<unknown> {
  try {
    return await onCommand(JSON.parse(line));
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
