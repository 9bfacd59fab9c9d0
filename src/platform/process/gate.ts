import { AppError } from '../../errors.js';

/** Lets only so many pieces of work run at once, and is fair to those who wait. */
export type Gate = {
  /**
   * Runs `work` when its turn comes.
   * @param address whose turn it is: waiting addresses take turns, however much each of them asks for
   * @returns what `work` returns
   * @throws AppError `overloaded` at once where the queue is full, and once the deadline has passed; `work` then
   *   never runs. What `work` throws goes through, and frees its place.
   */
  run<T>(address: string, work: () => Promise<T>): Promise<T>;
  /** How many run now, and how many wait. */
  stats(): { running: number; queued: number };
};

type Waiter = { address: string; admit(): void; refuse(): void };

/**
 * A gate in front of dear work, such as password hashes: a flood of logins then costs a bounded amount of memory and
 * processor time, and the surplus hears `overloaded` instead of waiting for minutes (ASVS 15.2.2).
 * @param concurrency how many run at once, at least 1
 * @param queueLimit waiters in all. Where it is reached, an address with fewer waiters takes the place of the last
 *   waiter of the address that has most.
 * @param deadlineMs how long one may wait, in milliseconds; work that has begun is not cut short
 */
export function createGate(options: { concurrency: number; queueLimit: number; deadlineMs: number }): Gate {
  const queue = createFairQueue();
  let running = 0;

  async function enter(address: string): Promise<void> {
    if (running < options.concurrency) {
      running += 1;
      return;
    }
    if (queue.size() >= options.queueLimit) makeRoomFor(address);
    await wait(address);
  }

  function makeRoomFor(address: string): void {
    const victim = queue.lastOfFullest(address);
    if (!victim) throw new AppError('overloaded');
    victim.refuse();
  }

  function wait(address: string): Promise<void> {
    return new Promise((admit, reject) => {
      const waiter: Waiter = {
        address,
        admit: () => {
          clearTimeout(deadline);
          admit();
        },
        refuse: () => {
          clearTimeout(deadline);
          queue.remove(waiter);
          reject(new AppError('overloaded'));
        },
      };
      const deadline = setTimeout(waiter.refuse, options.deadlineMs).unref();
      queue.add(waiter);
    });
  }

  function leave(): void {
    const next = queue.takeNext();
    // The place is handed over rather than given up, so that no newcomer slips in before those who wait.
    if (next) next.admit();
    else running -= 1;
  }

  return {
    async run(address, work) {
      await enter(address);
      try {
        return await work();
      } finally {
        leave();
      }
    },
    stats: () => ({ running, queued: queue.size() }),
  };
}

function createFairQueue() {
  // A Map keeps the order of insertion, which makes it the ring of those whose turn comes next.
  const lines = new Map<string, Waiter[]>();
  let size = 0;

  function remove(waiter: Waiter): void {
    const line = lines.get(waiter.address) ?? [];
    const place = line.indexOf(waiter);
    if (place === -1) return;
    line.splice(place, 1);
    size -= 1;
    if (line.length === 0) lines.delete(waiter.address);
  }

  function takeNext(): Waiter | undefined {
    const [line] = lines.values();
    const next = line?.[0];
    if (!line || !next) return undefined;
    remove(next);
    if (line.length > 0) {
      lines.delete(next.address);
      lines.set(next.address, line);
    }
    return next;
  }

  return {
    size: () => size,
    add(waiter: Waiter): void {
      const line = lines.get(waiter.address) ?? [];
      line.push(waiter);
      lines.set(waiter.address, line);
      size += 1;
    },
    remove,
    takeNext,
    /** Who must go for the newcomer; nobody where that would leave the fullest address with less than the newcomer's. */
    lastOfFullest(newcomer: string): Waiter | undefined {
      const fullest = [...lines.values()].reduce((most, line) => (line.length > most.length ? line : most), []);
      const own = lines.get(newcomer)?.length ?? 0;
      return fullest.length > own + 1 ? fullest.at(-1) : undefined;
    },
  };
}
