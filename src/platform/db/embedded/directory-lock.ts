import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { basename, join } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { makeUnwritable } from '../../process/file-rights.js';
import { type CommandHandler, type Greeting, type LockSocket, openLockSocket, socketAddress } from './lock-socket.js';

/** The folder of the database, beside the lock's socket. */
export const dataFolder = 'pgdata';

/** A directory that only this process uses, until it releases it or ends in any way. */
export type DirectoryLock = {
  /** Lets other processes of the same user send commands: see `LockSocket`. */
  onCommand(handler: CommandHandler): void;
  release(): Promise<void>;
};

/**
 * Locks the directory for this process, and creates it (for this user alone) if it is missing. Each process listens on
 * a UNIX socket in the directory and only then looks for others, so the later one finds the earlier one. The socket of
 * a dead process refuses connections and is removed. Works on a file system of one machine only.
 * @throws one line that names the process that has it, or says that every user can write there
 */
export async function lockDirectory(dir: string): Promise<DirectoryLock> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await makeUnwritable(dir);
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const own = await contend(dir, deadline);
    if (own !== undefined) return lockOf(own);
    await delay(20 + Math.random() * 80);
  }
}

// How long, in ms, other processes may be about to lock the directory before we give up.
const PATIENCE = 10_000;
// How long a process may take to answer. It may be busy: creating a database blocks it for seconds.
const GREETING_LIMIT = 5_000;
const SOCKET_NAME = /^(?:holder|new)-(\d+)-[0-9a-f]{16}\.sock$/;

type Rival = Greeting & { name: string };

function lockOf(own: LockSocket): DirectoryLock {
  return {
    onCommand: (handler) => {
      own.onCommand = handler;
    },
    release: own.close,
  };
}

// One try; undefined means try again, because another process is trying too.
async function contend(dir: string, deadline: number): Promise<LockSocket | undefined> {
  const name = `${process.pid}-${randomBytes(8).toString('hex')}.sock`;
  const own = await openUnlessCleared(dir, name);
  if (own === undefined) return undefined;
  const won = await outlast(dir, `holder-${name}`, deadline).catch(async (error: unknown) => {
    await own.close();
    throw error;
  });
  if (won) own.greeting.state = 'holding';
  else await own.close();
  return won ? own : undefined;
}

// Another process may remove the temporary name before this one listens.
async function openUnlessCleared(dir: string, name: string): Promise<LockSocket | undefined> {
  try {
    return await openLockSocket(join(dir, `holder-${name}`), join(dir, `new-${name}`));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

// True when no other process is left. Of several at the same time, the first by name waits for the others to leave.
async function outlast(dir: string, ownName: string, deadline: number): Promise<boolean> {
  for (;;) {
    const rivals = await findRivals(dir, ownName);
    const [rival] = rivals;
    if (rival === undefined) return true;
    const holder = rivals.find(({ state }) => state === 'holding');
    if (holder !== undefined || Date.now() > deadline) throw inUse(dir, holder ?? rival);
    if (rivals.some(({ name }) => name < ownName)) return false;
    await delay(10 + Math.random() * 40);
  }
}

function inUse(dir: string, { pid, since }: Greeting): Error {
  return new Error(
    `${dir} is in use by process ${pid} (since ${since}). Stop it first, or set DATABASE_URL to a server.`,
  );
}

// A process with only a temporary name will look for us later, so it is no rival. Dead ones are removed.
async function findRivals(dir: string, ownName: string): Promise<Rival[]> {
  const rivals: Rival[] = [];
  for (const name of await readdir(dir)) {
    if (name === ownName || !SOCKET_NAME.test(name)) continue;
    const greeting = await greet(join(dir, name));
    if (greeting !== undefined && name.startsWith('holder-')) rivals.push({ ...greeting, name });
  }
  return rivals;
}

async function greet(path: string): Promise<Greeting | undefined> {
  try {
    const connection = addAbortSignal(AbortSignal.timeout(GREETING_LIMIT), connect(socketAddress(path)));
    return JSON.parse(await firstLine(connection)) as Greeting;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    // No listener means a dead process: names are never reused.
    if (hasCode(error, 'ECONNREFUSED')) return void (await rm(path, { force: true }));
    // A silent process may be busy or hung. A closed connection means it is about to go: the next round shows.
    const mute = hasCode(error, 'ABORT_ERR') || hasCode(error, 'EAGAIN');
    return await describe(path, mute ? 'holding' : 'starting');
  }
}

async function firstLine(connection: Socket): Promise<string> {
  let text = '';
  for await (const chunk of connection) {
    text += String(chunk);
    if (text.includes('\n')) return text;
  }
  throw new Error('It closed the connection without a greeting.');
}

// A process that does not answer is described by its file.
async function describe(path: string, state: Greeting['state']): Promise<Greeting | undefined> {
  const file = await stat(path).catch(() => undefined);
  if (file === undefined) return undefined;
  return { pid: Number(SOCKET_NAME.exec(basename(path))?.[1]), state, since: file.mtime.toISOString() };
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
