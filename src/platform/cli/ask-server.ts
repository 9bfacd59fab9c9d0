import { lstat, readdir, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { dataFolder } from '../db/embedded/directory-lock.js';
import { socketAddress } from '../db/embedded/lock-socket.js';
import { isSafeFromOthers } from '../process/file-rights.js';
import { type Answer, answerSchema, type Line } from './answer.js';
import { CommandError } from './command.js';

const greetingSchema = z.object({ pid: z.int(), state: z.enum(['starting', 'holding']) });

// How long to wait for another process that is starting or runs a command of its own, in ms.
const patienceMs = 10_000;
const greetingLimitMs = 5_000;

type Busy = { busy: string };

/**
 * Lets the process that has the embedded database open run a command.
 * @returns undefined if there is no such process
 * @throws CommandError if it takes no commands or hangs up, or another user may have put it there
 */
export async function askRunningServer(databaseUrl: string, line: Line): Promise<Answer | undefined> {
  const [, dir] = /^pglite:(?!memory$)(.+)$/.exec(databaseUrl) ?? [];
  if (dir === undefined) return undefined;
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const reply = await askHolder(dir, line);
    if (!reply || !('busy' in reply)) return reply;
    if (Date.now() > deadline) throw new CommandError(`${reply.busy} has ${dir} and takes no commands. Stop it first.`);
    await sleep(100);
  }
}

async function askHolder(dir: string, line: Line): Promise<Answer | Busy | undefined> {
  for (const name of await socketsIn(dir)) {
    await requireOurs(dir, name);
    const connection = await reach(join(dir, name));
    if (!connection) continue;
    try {
      return await converse(connection, line);
    } finally {
      connection.destroy();
    }
  }
  return undefined;
}

async function socketsIn(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => /^holder-.+\.sock$/.test(name));
}

/** A command may hold a password: another user of the machine must not be able to listen in the server's place. */
async function requireOurs(dir: string, name: string): Promise<void> {
  const own = process.getuid?.();
  if (own === undefined) return;
  const path = join(dir, name);
  const socket = await lstat(path).catch(() => undefined);
  if (!socket) return;
  const directory = await stat(dir);
  if (!isSafeFromOthers(directory))
    throw new CommandError(`Every user of this machine can write into ${dir}, so nothing was sent to ${path}.`);
  // Root may be asked to command the server of another user: the one that has the data.
  const data = own === 0 ? await stat(join(dir, dataFolder)).catch(() => directory) : undefined;
  if (![own, data?.uid].includes(socket.uid))
    throw new CommandError(`${path} belongs to another user of this machine, so nothing was sent to it.`);
}

function reach(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const connection = connect(socketAddress(path), () => resolve(connection));
    connection.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(undefined);
      else
        reject(
          new CommandError(`The running server cannot be reached (${error.code}). Are you the user that it runs as?`),
        );
    });
  });
}

async function converse(connection: Socket, line: Line): Promise<Answer | Busy> {
  const next = reader(connection);
  const mute = setTimeout(() => connection.destroy(), greetingLimitMs);
  const greeting = greetingSchema.safeParse(await next());
  clearTimeout(mute);
  if (!greeting.success) return { busy: 'A process that does not answer' };
  const busy = { busy: `Process ${greeting.data.pid}` };
  if (greeting.data.state === 'starting') return busy;
  // Only a server answers help. Another command line may hang up at any time; it must never be unclear whether the
  // command ran.
  connection.write(`${JSON.stringify({ argv: ['help'] })}\n`);
  if (!answerSchema.safeParse(await next()).success) return busy;
  connection.write(`${JSON.stringify(line)}\n`);
  const answer = answerSchema.safeParse(await next());
  if (answer.success) return answer.data;
  throw new CommandError('The server stopped before it answered: check whether the command was carried out.');
}

/** Reads JSON line by line; undefined once the other side has hung up. */
function reader(connection: Socket): () => Promise<unknown> {
  const input = createInterface({ input: connection }).on('error', () => undefined);
  // A connection that we destroy has no `end` event: without this the command would wait for ever.
  connection.once('close', () => input.close());
  const lines = input[Symbol.asyncIterator]();
  return async () => {
    const line = await lines.next().catch(() => undefined);
    return !line || line.done ? undefined : JSON.parse(line.value);
  };
}
