import { once } from 'node:events';
import { chmod, rename, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';

/** What a holder says first to whoever connects, as one line of JSON. */
export type Greeting = {
  pid: number;
  /** `starting`: it is still looking for others. `holding`: the directory is its own. */
  state: 'starting' | 'holding';
  /** When the process took the socket, RFC 3339 in UTC. */
  since: string;
};

/** Answers one command; what it throws is answered as `{ "error": message }`. */
export type CommandHandler = (request: unknown) => Promise<unknown>;

export type LockSocket = {
  greeting: Greeting;
  /** Every further line that a client sends is a command in JSON, answered by one line of JSON. */
  onCommand: CommandHandler;
  /** Takes the name away and hangs up on everybody. */
  close(): Promise<void>;
};

/**
 * Listens under `path`, for this user alone. The name appears only once the socket listens, so that a name on which
 * nobody answers is always a dead process's. It doesn't keep the process alive.
 *
 * @param temporary a second name, free, beside `path`.
 * @throws where the path is too long for a socket, or `temporary` has been taken away meanwhile (ENOENT).
 */
export async function openLockSocket(path: string, temporary: string): Promise<LockSocket> {
  const greeting: Greeting = { pid: process.pid, state: 'starting', since: new Date().toISOString() };
  const connections = new Set<Socket>();
  const holder: LockSocket = {
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
    serve(connection, holder);
  });
  await listen(server, temporary);
  try {
    await chmod(temporary, 0o600);
    await rename(temporary, path);
  } catch (error) {
    await holder.close();
    throw error;
  }
  return holder;
}

/** The address for a socket's path, which may be shorter than the path: from the working directory. */
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

function serve(connection: Socket, holder: LockSocket): void {
  connection.on('error', () => connection.destroy());
  connection.write(`${JSON.stringify(holder.greeting)}\n`);
  const lines = createInterface({ input: connection });
  // It repeats the connection's error, and one that nobody hears would end the process.
  lines.on('error', () => undefined);
  lines.on('line', async (line) => {
    connection.write(`${JSON.stringify((await answer(line, holder.onCommand)) ?? null)}\n`);
  });
}

async function answer(line: string, onCommand: CommandHandler): Promise<unknown> {
  try {
    return await onCommand(JSON.parse(line));
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
