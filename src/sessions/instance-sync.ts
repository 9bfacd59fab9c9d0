import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { channel } from '../platform/db/channel.js';
import type { Database } from '../platform/db/database.js';
import type { Listener } from '../platform/db/listen.js';
import { createBeats } from './beats.js';
import type { Revocations } from './revocations.js';

export type InstanceSync = {
  /** Whether everything committed more than half a second ago is known here. */
  isFresh(): boolean;
  /** How old our knowledge may be, in milliseconds: 0 for an embedded database, which has no other instances. */
  lag(): number;
  stop(): Promise<void>;
};

export type Subscribers = { revocations: Revocations; reloadKeys(): Promise<void> };

const heartbeatEvery = 150;
const unheardIsDown = 500;
const pollEvery = 500;

// A poll reads back as long as a transaction may take (seconds), so that it finds late commits. After a longer gap
// everything is loaded again.
const pollReachesBack = 15;
const longestPollGap = 5_000;

/**
 * An embedded database has only this process.
 * @param how `listen`: LISTEN with a heartbeat, because a connection that is cut silently raises no error, and one that
 * leads elsewhere hears nothing. `poll`: a
 * query every 500 ms, for poolers without LISTEN
 */
export async function startInstanceSync(
  database: Database,
  how: 'listen' | 'poll',
  subscribers: Subscribers,
  log: Logger,
): Promise<InstanceSync> {
  const loadAll = async () => void (await Promise.all([subscribers.revocations.load(), subscribers.reloadKeys()]));
  if (database.kind === 'embedded') {
    await loadAll();
    return { isFresh: () => true, lag: () => 0, stop: async () => {} };
  }
  const loop = how === 'listen' ? listening(database, subscribers, loadAll, log) : polling(subscribers, loadAll);
  return runLoop(loop, how === 'listen' ? unheardIsDown : 2 * pollEvery, log);
}

/** One round; resolves with the time (`performance.now()`) up to which everything is known. */
type Loop = { every: number; round(): Promise<number>; stop(): Promise<void> };

async function runLoop(loop: Loop, freshFor: number, log: Logger): Promise<InstanceSync> {
  const stopping = new AbortController();
  let knownUpTo = Number.NEGATIVE_INFINITY;
  let failing = false;

  async function round(): Promise<void> {
    try {
      knownUpTo = await loop.round();
      if (failing) log.info('the feed of revocations is back');
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ err: error }, 'the feed of revocations is down: the database is asked for each request');
      failing = true;
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await sleep(loop.every * (0.9 + Math.random() / 5), undefined, { ref: false, signal: stopping.signal });
      await round();
    }
  }

  await round();
  const running = run().catch(() => undefined);
  const lag = () => performance.now() - knownUpTo;
  return {
    isFresh: () => lag() < freshFor,
    lag,
    async stop() {
      stopping.abort();
      await loop.stop();
      await running;
    },
  };
}

function listening(database: Database, subscribers: Subscribers, loadAll: () => Promise<void>, log: Logger): Loop {
  let listener: Listener | undefined;
  let stopped = false;
  // Messages are handled one after another; a message counts as known once the last one is handled. Equal messages
  // share one run while it waits: it reads data newer than all of them.
  let followed: Promise<void> = Promise.resolve();
  const waiting = new Set<string>();
  const beats = createBeats(database);

  const drop = async () => {
    const dropped = listener;
    listener = undefined;
    await dropped?.close();
  };

  function follow(message: string): void {
    if (waiting.has(message)) return;
    waiting.add(message);
    followed = followed
      .then(() => {
        waiting.delete(message);
        return hear(message, subscribers);
      })
      .catch(fail);
  }

  // LISTEN first, then load: a commit in between is heard or loaded or both.
  async function connect(): Promise<Listener> {
    const connected = await database.listen({ [channel]: follow, [beats.channel]: beats.onMessage }, () => {
      listener = undefined;
    });
    listener = connected;
    if (stopped) await drop();
    try {
      await loadAll();
    } catch (error) {
      // Messages were missed while not listening: the next round must start here again.
      await drop();
      throw error;
    }
    return connected;
  }

  // A message that could not be handled is lost: start over.
  async function fail(error: unknown): Promise<void> {
    log.warn({ err: error }, 'a message of the feed could not be handled');
    await drop();
  }

  return {
    every: heartbeatEvery,
    async round() {
      beats.refuseWhileResting();
      const heard = listener ?? (await connect());
      const startedAt = performance.now();
      const isHeard = await beats.send();
      try {
        await isHeard();
        await followed;
        if (listener !== heard) throw new Error('the listening connection was lost');
      } catch (error) {
        await drop();
        throw error;
      }
      return startedAt;
    },
    async stop() {
      stopped = true;
      await drop();
    },
  };
}

async function hear(message: string, { revocations, reloadKeys }: Subscribers): Promise<void> {
  const [subject, userId = '', second = '', until, kept = '-', ids = ''] = message.split(' ');
  const keepUntil = new Date(Number(until));
  if (subject === 'session') revocations.add([{ userId, sessionId: second, version: null, keepUntil }]);
  else if (subject === 'version') revocations.add([{ userId, sessionId: null, version: Number(second), keepUntil }]);
  else if (subject === 'epoch')
    revocations.add([
      {
        userId,
        sessionId: null,
        version: null,
        epoch: Number(second),
        keptId: kept === '-' ? null : kept,
        sessionIds: ids === '' ? [] : ids.split(','),
        keepUntil,
      },
    ]);
  else if (subject === 'user') await revocations.loadUser(userId);
  else if (subject === 'keys') await reloadKeys();
  else await revocations.load();
}

function polling({ revocations, reloadKeys }: Subscribers, loadAll: () => Promise<void>): Loop {
  // The wall clock, which continues while a machine sleeps.
  let polledAt = Number.NEGATIVE_INFINITY;
  return {
    every: pollEvery,
    async round() {
      const startedAt = performance.now();
      const now = Date.now();
      if (Math.abs(now - polledAt) < longestPollGap && revocations.isComplete())
        await Promise.all([revocations.loadSince(pollReachesBack), reloadKeys()]);
      else await loadAll();
      polledAt = now;
      return startedAt;
    },
    stop: async () => {},
  };
}
