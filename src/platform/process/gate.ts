import { AppError } from '../../errors.js';
import { createFairQueue } from './fair-queue.js';

/** What work takes: memory, and time of one core of an ordinary machine. */
export type Expense = { memoryBytes: number; milliseconds: number };

export type Turn = {
  expense?: Expense;
  /** The longest wait; the gate's own by default. */
  patienceMs?: number;
  /** Calls `leave` when nobody waits for the answer any more. @returns a function that stops listening */
  whenGone?: ((leave: () => void) => () => void) | undefined;
};

/** Runs a limited amount of work at once, and is fair to waiting addresses. */
export type Gate = {
  /**
   * @param address waiting addresses take turns, however much each asks for
   * @throws AppError `overloaded` at once if the queue is full, or after the deadline; then `work` never runs
   */
  run<T>(address: string, work: () => Promise<T>, turn?: Turn): Promise<T>;
  /**
   * Says that work will come as soon as something is looked up, so that a crowd is refused before it is looked up.
   * @returns a function to call when the work comes, or does not
   * @throws AppError `overloaded` at once if the work would find the queue full
   */
  announce(address: string, expense: Expense): () => void;
  stats(): { running: number; queued: number };
};

type GateOptions = {
  concurrency: number;
  queueLimit: number;
  /** Shared by what runs at once. Work that needs more than its part of it takes the place of others. */
  memoryBytes?: number;
  /** The longest wait; running work is not interrupted. */
  deadlineMs: number;
};

type Announced = { address: string; milliseconds: number };
type Waiter = Announced & { places: number; admit(): void; refuse(): void };

// The queue is full when its work would take this part of the deadline: measured times vary, and nobody may wait for
// the whole deadline and hear "no" then.
const usablePart = 0.75;
const learningRate = 0.25;

/**
 * A gate before expensive work such as password hashes: a flood of logins costs bounded memory and processor time, and
 * the surplus gets `overloaded` at once (ASVS 15.2.2): by the number of waiters, and by how long they would take, as
 * measured. In a full queue, an address with fewer waiters replaces the last waiter of the address with the most.
 */
export function createGate({ concurrency, queueLimit, memoryBytes, deadlineMs }: GateOptions): Gate {
  const queue = createFairQueue<Waiter>();
  const announced = createFairQueue<Announced>();
  let running = 0;
  let free = concurrency;
  // How much longer work takes here than its expense says.
  let pace: number | undefined;

  function placesOf({ memoryBytes: needed }: Expense): number {
    if (memoryBytes === undefined) return 1;
    return Math.min(concurrency, Math.max(1, Math.ceil((needed * concurrency) / memoryBytes)));
  }

  function start(places: number): void {
    running += 1;
    free -= places;
  }

  /** Whether the waiting work would take too long. @param more beside what waits already */
  function isTooLong(patienceMs: number, more = 0): boolean {
    return (queue.total() + more) * (pace ?? 1) > patienceMs * usablePart * concurrency;
  }

  async function enter(address: string, places: number, milliseconds: number, turn: Turn): Promise<void> {
    if (queue.size() === 0 && places <= free) return start(places);
    const { patienceMs = deadlineMs } = turn;
    const work = { address, places, milliseconds: milliseconds * places };
    // Work that would wait for nothing but what runs is let in, however long it takes.
    const comesTooLate = (patience: number) => queue.size() > 0 && isTooLong(patience, work.milliseconds);
    // Nobody else is refused because this one has less patience.
    if (patienceMs < deadlineMs && comesTooLate(patienceMs)) throw new AppError('overloaded');
    while (queue.size() >= queueLimit || comesTooLate(deadlineMs)) makeRoomFor(address);
    await wait(work, patienceMs, turn);
  }

  function makeRoomFor(address: string): void {
    const victim = queue.lastOfFullest(address);
    if (!victim) throw new AppError('overloaded');
    victim.refuse();
  }

  function wait(work: Omit<Waiter, 'admit' | 'refuse'>, patienceMs: number, { whenGone }: Turn): Promise<void> {
    return new Promise((admit, reject) => {
      const end = () => {
        clearTimeout(deadline);
        stopListening?.();
      };
      const waiter: Waiter = {
        ...work,
        admit: () => {
          end();
          start(work.places);
          admit();
        },
        refuse: () => {
          end();
          queue.remove(waiter);
          reject(new AppError('overloaded'));
          // It may have held up smaller work behind it.
          admitNext();
        },
      };
      const deadline = setTimeout(waiter.refuse, patienceMs).unref();
      queue.add(waiter);
      const stopListening = whenGone?.(() => waiter.refuse());
      // Nothing may run any more, if room was made by refusing the last that waited.
      admitNext();
    });
  }

  // Nobody overtakes: large work at the front waits until enough is free, and would otherwise never begin.
  function admitNext(): void {
    for (let next = queue.next(); next && next.places <= free; next = queue.next()) {
      queue.take(next);
      next.admit();
    }
  }

  function leave(places: number): void {
    running -= 1;
    free += places;
    admitNext();
    // Work turned out to be slower than thought: better a refusal now than at the deadline.
    while (queue.size() > 1 && isTooLong(deadlineMs)) queue.lastOfFullest()?.refuse();
  }

  function announce(address: string, { milliseconds }: Expense): () => void {
    const unused = Math.max(0, concurrency - running);
    const coming = Math.max(0, announced.size() - unused);
    const isFull =
      announced.size() >= unused &&
      (queue.size() + coming >= queueLimit ||
        (queue.size() + coming > 0 && isTooLong(deadlineMs, announced.total() + milliseconds)));
    // As in the queue: an address with fewer waiters than another one will replace one of those.
    const own = queue.lengthOf(address) + announced.lengthOf(address);
    const longest = Math.max(queue.longest(), announced.longest());
    if (isFull && longest <= own + 1) throw new AppError('overloaded');
    const work = { address, milliseconds };
    announced.add(work);
    return () => announced.remove(work);
  }

  function learn({ milliseconds }: Expense, tookMs: number): void {
    if (milliseconds === 0) return;
    const measured = tookMs / milliseconds;
    pace = pace === undefined ? measured : pace + learningRate * (measured - pace);
  }

  return {
    async run(address, work, turn = {}) {
      const { expense = { memoryBytes: 0, milliseconds: 0 } } = turn;
      const places = placesOf(expense);
      await enter(address, places, expense.milliseconds, turn);
      const begun = performance.now();
      try {
        const result = await work();
        learn(expense, performance.now() - begun);
        return result;
      } finally {
        leave(places);
      }
    },
    announce,
    stats: () => ({ running, queued: queue.size() }),
  };
}
