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

/** `pointless`: it has no recipient, or says nothing new. `withheld`: a limit kept it back. */
type Delivery = 'delivered' | 'withheld' | 'pointless';

/** Delivers one item. @param signal cuts the delivery @throws to try again later */
export type Deliver = (item: queue.OutboxItem, signal: AbortSignal) => Promise<Delivery>;

/** Stops the worker: deliveries may finish within `graceMs`, then they are cut. */
type StopWorker = (graceMs: number) => Promise<void>;

// Parallel deliveries; a hung one blocks only its own lane.
const lanes = 5;

// Polling finds other instances' items. An embedded database has none, and its worker is woken.
const lookEveryMs = { server: 5_000, embedded: 60_000 };

// Items that are due but not available are being delivered by another worker.
const shortestSleep = 200;
const longestSleep = Number.POSITIVE_INFINITY;

// The response goes out first, so that composing the mail does not compete for the processor.
const afterWakeMs = 25;

/**
 * Leases an item, delivers it without an open transaction, and marks it, on any number of instances: at least once, and
 * exactly once unless the process dies or the database fails between delivery and mark.
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

  async function look(): Promise<number> {
    if (underWay.size < lanes) for (const item of await queue.takeItems(deps, lanes - underWay.size)) begin(item);
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

async function attempt(deps: WorkerDeps, deliver: Deliver, item: queue.OutboxItem, signal: AbortSignal): Promise<void> {
  const stopExtending = keepLease(deps, item);
  try {
    const delivery = await deliver(item, signal);
    if (delivery === 'pointless') return await queue.dropItem(deps, item);
    if (delivery === 'withheld') return await queue.withholdItem(deps, item);
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

// The mail is sent; the mark is worth several tries if the database is down for a moment.
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

/** Codes only: an error message could repeat an address or content. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  type Codes = Partial<Record<'code' | 'originalCode' | 'command' | 'responseCode', unknown>>;
  // The original code comes from the system or TLS, such as for an untrusted certificate.
  const { code, originalCode, command, responseCode } = error as Codes;
  return [error.name, code, originalCode, command, responseCode]
    .filter((part) => part !== undefined)
    .join(' ')
    .slice(0, 200);
}
