import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { basename, join } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type CommandHandler, type Greeting, type LockSocket, openLockSocket, socketAddress } from './lock-socket.js';

/** A directory that is this process's own, until it is released or the process ends, however it ends. */
export type DirectoryLock = {
  /** Lets other processes of the same user talk to this one: see `LockSocket`. */
  onCommand(handler: CommandHandler): void;
  release(): Promise<void>;
};

/**
 * Makes the directory this process's own; makes it (for this user alone) where it is missing.
 *
 * Each process that wants it listens on a UNIX socket of a name of its own in the directory, and only then looks for
 * others. Of two, the later one to listen must find the earlier, so never do both find nobody. A dead process's
 * socket refuses connections, whatever became of its process id, so it is cleared away and hinders nobody.
 *
 * The file system has to be one machine's.
 *
 * @throws one line that names the holder, where there is one.
 */
export async function lockDirectory(dir: string): Promise<DirectoryLock> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const own = await contend(dir, deadline);
    if (own !== undefined) return lockOf(own);
    await delay(20 + Math.random() * 80);
  }
}

// How long, in ms, others may be about to take the directory before we give up.
const PATIENCE = 10_000;
// How long a process may take to say who it is. It may be busy: making a database takes seconds, in one go.
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

// One try: ours, or undefined where it has to be tried again because somebody else is trying too.
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

// Somebody may clear away the temporary name in the instant before it listens.
async function openUnlessCleared(dir: string, name: string): Promise<LockSocket | undefined> {
  try {
    return await openLockSocket(join(dir, `holder-${name}`), join(dir, `new-${name}`));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

// True once nobody else is there. Of those who start at once, the first by name stays until the others have gone.
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

// Who only has a temporary name yet will look for us later: it is no rival, and cleared away where it is dead.
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
    // Nobody listens, so its process is dead: names are never used again.
    if (hasCode(error, 'ECONNREFUSED')) return void (await rm(path, { force: true }));
    // Mute, it may be hung or busy. Having hung up, it is about to go: the next round will tell.
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
  throw new Error('It hung up without a word.');
}

// Of a process that doesn't say who it is, what the file tells must do.
async function describe(path: string, state: Greeting['state']): Promise<Greeting | undefined> {
  const file = await stat(path).catch(() => undefined);
  if (file === undefined) return undefined;
  return { pid: Number(SOCKET_NAME.exec(basename(path))?.[1]), state, since: file.mtime.toISOString() };
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
