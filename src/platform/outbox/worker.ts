import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Db } from '../db/database.js';
import * as queue from './queue.js';
import { retryDelay } from './retries.js';
import { createSleeper } from './sleeper.js';
import type { OutboxWake } from './wake.js';

type WorkerDeps = {
  db: Db;
  database: { kind: 'embedded' | 'server' };
  log: Logger;
  outboxWake: OutboxWake;
};

/**
 * Delivers one item for good, or finds that it has no recipient (false).
 * @param signal cuts a delivery that is under way
 * @throws where it is to be tried again
 */
export type Deliver = (item: queue.OutboxItem, signal: AbortSignal) => Promise<boolean>;

/** Ends the worker: what is being sent is finished if it can be within `graceMs`, and cut otherwise. */
export type StopWorker = (graceMs: number) => Promise<void>;

// So many items are on their way at once; one that hangs holds up itself alone.
const lanes = 5;

// Another instance's items are found by looking. An embedded database has no other instance, and its worker is woken.
const lookEveryMs = { server: 5_000, embedded: 60_000 };

// What is due and not to be had is in other hands just now.
const shortestSleep = 200;
const longestSleep = Number.POSITIVE_INFINITY;

// So that the answer is on its way before its mail is made: the two do not compete for the processor.
const afterWakeMs = 25;

/**
 * Delivers what is in the outbox, on any number of instances at once. An item is taken with a lease, delivered while no
 * transaction is open, and marked: it is delivered at least once, and once only unless the process dies, or the database
 * is away, between the acceptance and the mark.
 */
export function startOutboxWorker(deps: WorkerDeps, deliver: Deliver): StopWorker {
  const stopping = new AbortController();
  const cutting = new AbortController();
  const underWay = new Set<Promise<void>>();
  const sleeper = createSleeper();
  deps.outboxWake.onWake(() => sleeper.wakeIn(afterWakeMs));

  function begin(item: queue.OutboxItem): void {
    const work = attempt(deps, deliver, item, cutting.signal)
      .catch((error: unknown) => deps.log.error({ err: error, mail: item.id }, 'a mail could not be marked'))
      .then(() => {
        underWay.delete(work);
        sleeper.wakeIn(0);
      });
    underWay.add(work);
  }

  /** @returns for how many milliseconds there is nothing to do */
  async function look(): Promise<number> {
    if (underWay.size < lanes) for (const item of await queue.takeItems(deps, lanes - underWay.size)) begin(item);
    // The end of any delivery under way wakes.
    if (underWay.size === lanes) return longestSleep;
    const due = await queue.secondsUntilDue(deps);
    return due === undefined ? longestSleep : Math.max(shortestSleep, due * 1000);
  }

  function unreadable(error: unknown): number {
    deps.log.warn({ err: error }, 'the outbox could not be read');
    return lookEveryMs.server;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const idle = await look().catch(unreadable);
      await sleeper.asleep(Math.min(idle, lookEveryMs[deps.database.kind] * (0.9 + Math.random() / 5)));
    }
  }

  const running = run();
  return async (graceMs) => {
    stopping.abort();
    sleeper.wakeIn(0);
    await running;
    const grace = new AbortController();
    const late = sleep(graceMs, undefined, { signal: grace.signal }).catch(() => undefined);
    await Promise.race([Promise.all(underWay), late]);
    grace.abort();
    cutting.abort(new Error('The server is stopping.'));
    await Promise.all(underWay);
  };
}

/** One attempt at one item. */
async function attempt(deps: WorkerDeps, deliver: Deliver, item: queue.OutboxItem, signal: AbortSignal): Promise<void> {
  const stopExtending = keepLease(deps, item);
  try {
    if (!(await deliver(item, signal))) return await queue.dropItem(deps, item);
  } catch (error) {
    return await putBack(deps, item, error, signal.aborted);
  } finally {
    stopExtending();
  }
  await markSent(deps, item);
}

async function putBack(deps: WorkerDeps, item: queue.OutboxItem, error: unknown, cut: boolean): Promise<void> {
  const why = reasonOf(error);
  const retryIn = cut ? 0 : retryDelay(item.attempts, error);
  await queue.markFailed(deps, item, why, retryIn);
  const facts = { mail: item.id, purpose: item.purpose, attempts: item.attempts, why, retry_in: retryIn };
  if (retryIn === undefined) deps.log.error(facts, 'a mail was given up');
  else deps.log.warn(facts, 'a mail could not be sent yet');
}

// The server has it: while the database is away a moment, the mark is worth more than one try.
async function markSent(deps: WorkerDeps, item: queue.OutboxItem): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await queue.markSent(deps, item);
    } catch (error) {
      if (tries === 5) throw error;
      await sleep(tries * 500);
    }
  }
}

function keepLease(deps: WorkerDeps, item: queue.OutboxItem): () => void {
  const extend = () =>
    queue.extendLease(deps, item).catch((error: unknown) => deps.log.warn({ err: error }, 'a lease was not extended'));
  const timer = setInterval(extend, (queue.leaseSeconds * 1000) / 4).unref();
  return () => clearInterval(timer);
}

/** For the log and the outbox: codes and no sentences, which could repeat an address or more of what was sent. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  type Codes = Partial<Record<'code' | 'originalCode' | 'command' | 'responseCode', unknown>>;
  // The original one is the system's or TLS's own, such as that of a certificate that nobody vouches for.
  const { code, originalCode, command, responseCode } = error as Codes;
  return [error.name, code, originalCode, command, responseCode]
    .filter((part) => part !== undefined)
    .join(' ')
    .slice(0, 200);
}
