import { AppError } from '../../errors.js';

/** Runs a limited number of tasks at once, and is fair to waiting addresses. */
export type Gate = {
  /**
   * @param address waiting addresses take turns, however much each asks for
   * @throws AppError `overloaded` at once if the queue is full, or after the deadline; then `work` never runs
   */
  run<T>(address: string, work: () => Promise<T>): Promise<T>;
  stats(): { running: number; queued: number };
};

type Waiter = { address: string; admit(): void; refuse(): void };

/**
 * A gate before expensive work such as password hashes: a flood of logins costs bounded memory and processor time, and
 * the surplus gets `overloaded` at once (ASVS 15.2.2). In a full queue, an address with fewer waiters replaces the last
 * waiter of the address with the most.
 * @param deadlineMs the longest wait; running work is not interrupted
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
    // Hands its place over, so that no newcomer passes those who wait.
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
  // A Map keeps insertion order: it is the ring of addresses.
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
    /** The waiter to replace; none if the fullest address would end up with fewer waiters than the newcomer. */
    lastOfFullest(newcomer: string): Waiter | undefined {
      const fullest = [...lines.values()].reduce((most, line) => (line.length > most.length ? line : most), []);
      const own = lines.get(newcomer)?.length ?? 0;
      return fullest.length > own + 1 ? fullest.at(-1) : undefined;
    },
  };
}
