import { AppError } from '../../errors.js';

/** Lets only so many hashes run at once, and is fair to those who wait. */
export type HashGate = {
  /**
   * Runs `work` when its turn comes.
   * @param address whose turn it is: waiting addresses take turns, however much each of them asks for
   * @returns what `work` returns
   * @throws AppError `overloaded` at once where the queue is full, and once the deadline has passed; `work` then
   *   never runs. What `work` throws goes through, and frees its place.
   */
  run<T>(address: string, work: () => Promise<T>): Promise<T>;
  /** How many hashes run now, and how many wait. */
  stats(): { running: number; queued: number };
};

type Waiter = { address: string; admit(): void; refuse(): void };

/**
 * A gate in front of the password hashes: a flood of logins then costs a bounded amount of memory and processor
 * time, and the surplus hears `overloaded` instead of waiting for minutes (ASVS 15.2.2).
 * @param concurrency hashes at once, at least 1; see `hashConcurrency`
 * @param queueLimit waiters in all. Where it is reached, an address with fewer waiters takes the place of the last
 *   waiter of the address that has most.
 * @param deadlineMs how long one may wait, in milliseconds; a hash that has begun is not cut short
 */
export function createHashGate(options: { concurrency: number; queueLimit: number; deadlineMs: number }): HashGate {
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

/** Threads of libuv's pool that no hash may have. */
export const freeThreads = 2;

/**
 * How many hashes to run at once: as many as there are cores (more only makes each of them slower), fewer where
 * they would take more than a quarter of the memory, or would leave libuv's pool fewer than two threads for `dns`,
 * `fs` and async `crypto` (measured with stock settings: these wait 0.4–2.9 s behind a hundred hashes).
 * @param cores that this process may use: a part of one counts for none, because whoever has used up its share is
 *   stopped as a whole, the event loop too
 * @param memoryBytes what this process may use: the cgroup's limit, else the machine's memory
 * @param memoryPerHashBytes argon2's memory cost, in bytes
 * @param poolThreads libuv's pool: UV_THREADPOOL_SIZE, by default 4
 * @returns at least 1
 */
export function hashConcurrency(machine: {
  cores: number;
  memoryBytes: number;
  memoryPerHashBytes: number;
  poolThreads: number;
}): number {
  const { cores, memoryBytes, memoryPerHashBytes, poolThreads } = machine;
  const fitting = Math.floor(memoryBytes / 4 / memoryPerHashBytes);
  return Math.max(1, Math.min(Math.floor(cores), fitting, poolThreads - freeThreads));
}
