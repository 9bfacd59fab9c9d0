import { setTimeout as sleep } from 'node:timers/promises';
import { createSleeper } from './sleeper.js';
import type { Wake } from './wake.js';

type Queue<Item> = {
  /** Leases items to this worker alone, at most so many. */
  take(max: number): Promise<Item[]>;
  /** Undefined if nothing waits. */
  secondsUntilDue(): Promise<number | undefined>;
  /** Works on a leased item without an open transaction, and marks it. @param signal cuts the work */
  work(item: Item, signal: AbortSignal): Promise<void>;
  /** How many items at once. A hung one blocks only its own lane. */
  lanes: number;
  /** The longest sleep: looking finds what other instances wrote. */
  lookEveryMs(): number;
  wake: Wake;
  /** An item could not be marked: it is taken again after its lease. */
  onUnmarked(item: Item, error: unknown): void;
  onUnreadable(error: unknown): void;
};

/** Stops the worker: what is under way may finish within `graceMs`, then it is cut. */
export type StopWorker = (graceMs: number) => Promise<void>;

// Items that are due but not available are being worked on by another worker.
const shortestSleep = 200;
const longestSleep = Number.POSITIVE_INFINITY;
const afterUnreadableMs = 5_000;

// The response goes out first, so that the work does not compete for the processor.
const afterWakeMs = 25;

// Lanes that come free together are filled together, by one look and not by one each.
const afterDoneMs = 10;

/**
 * Leases items, works on them in lanes, and sleeps until the next one is due or it is woken, on any number of instances:
 * each item at least once, and exactly once unless the process dies or the database fails between work and mark.
 */
export function startWorker<Item>(queue: Queue<Item>): StopWorker {
  const stopping = new AbortController();
  const cutting = new AbortController();
  const underWay = new Set<Promise<void>>();
  const sleeper = createSleeper();
  queue.wake.onWake(() => sleeper.wakeIn(afterWakeMs));

  function begin(item: Item): void {
    const work = queue
      .work(item, cutting.signal)
      .catch((error: unknown) => queue.onUnmarked(item, error))
      .then(() => {
        underWay.delete(work);
        sleeper.wakeIn(afterDoneMs);
      });
    underWay.add(work);
  }

  async function look(): Promise<number> {
    const { lanes } = queue;
    if (underWay.size < lanes) for (const item of await queue.take(lanes - underWay.size)) begin(item);
    if (underWay.size === lanes) return longestSleep;
    const due = await queue.secondsUntilDue();
    return due === undefined ? longestSleep : Math.max(shortestSleep, due * 1000);
  }

  function unreadable(error: unknown): number {
    queue.onUnreadable(error);
    return afterUnreadableMs;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const idle = await look().catch(unreadable);
      await sleeper.asleep(Math.min(idle, queue.lookEveryMs() * (0.9 + Math.random() / 5)));
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
