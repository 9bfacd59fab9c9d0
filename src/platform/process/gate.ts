import { AppError } from '../../errors.js';
import type { AddressKey } from '../address-key.js';
import { createFairQueue } from './fair-queue.js';
import { createPace } from './pace.js';

/** What work takes: memory, and time of one core of an ordinary machine. */
export type Expense = { memoryBytes: number; milliseconds: number };

export type Turn = {
  expense?: Expense;
  /** Work that takes so long that it must not take every place: one stays free for other work. */
  isDear?: boolean;
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
  run<T>(address: AddressKey, work: () => Promise<T>, turn?: Turn): Promise<T>;
  /**
   * Says that work will come as soon as something is looked up, so that a crowd is refused before it is looked up.
   * @returns a function to call when the work comes, or does not
   * @throws AppError `overloaded` at once if the work would find the queue full
   */
  announce(address: AddressKey, expense: Expense): () => void;
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

type Waiter = {
  address: AddressKey;
  milliseconds: number;
  places: number;
  isDear: boolean;
  isReady: boolean;
  admit(): void;
  refuse(): void;
};

// The queue is full when its work would take this part of the deadline: measured times vary, and nobody may wait for
// the whole deadline and hear "no" then.
const usablePart = 0.75;

const noExpense: Expense = { memoryBytes: 0, milliseconds: 0 };

/**
 * A gate before expensive work such as password hashes: a flood of logins costs bounded memory and processor time, and
 * the surplus gets `overloaded` at once (ASVS 15.2.2): by the number of waiters, and by how long they would take, as
 * measured. In a full queue, an address with fewer waiters replaces the last waiter of the address with the most.
 */
export function createGate({ concurrency, queueLimit, memoryBytes, deadlineMs }: GateOptions): Gate {
  const queue = createFairQueue<Waiter>();
  const pace = createPace();
  let running = 0;
  let free = concurrency;
  let dearRunning = 0;

  function placesOf({ memoryBytes: needed }: Expense): number {
    if (memoryBytes === undefined) return 1;
    return Math.min(concurrency, Math.max(1, Math.ceil((needed * concurrency) / memoryBytes)));
  }

  function start({ places, isDear }: Pick<Waiter, 'places' | 'isDear'>): void {
    running += 1;
    free -= places;
    if (isDear) dearRunning += 1;
  }

  /** Not dear work beside which no place would be free; the others go on. */
  function mayBegin({ isDear }: Pick<Waiter, 'isDear'>): boolean {
    return !isDear || dearRunning < Math.max(1, concurrency - 1);
  }

  /** Whether what waits would take too long. @param more beside what waits already */
  function isTooLong(patienceMs: number, more = 0): boolean {
    return (queue.total() + more) * pace.now() > patienceMs * usablePart * concurrency;
  }

  /** @param soon how many of the queue can begin as soon as they are ready */
  function makeRoom(address: AddressKey, milliseconds: number, soon: number): void {
    // Work that would wait for nothing but what runs is let in, however long it takes.
    const isFull = () =>
      queue.size() >= queueLimit + soon || (queue.size() > soon && isTooLong(deadlineMs, milliseconds));
    while (isFull()) {
      const victim = queue.lastOfFullest(address);
      if (!victim) throw new AppError('overloaded');
      victim.refuse();
    }
  }

  async function enter(
    address: AddressKey,
    { expense = noExpense, isDear = false, patienceMs = deadlineMs, whenGone }: Turn,
  ): Promise<void> {
    const places = placesOf(expense);
    if (places <= free && mayBegin({ isDear }) && !queue.next(mayBegin)) return start({ places, isDear });
    const milliseconds = expense.milliseconds * places;
    // Nobody else is refused because this one has less patience.
    const isInHurry = patienceMs < deadlineMs && queue.size() > 0;
    if (isInHurry && isTooLong(patienceMs, milliseconds)) throw new AppError('overloaded');
    makeRoom(address, milliseconds, 0);
    await wait({ address, milliseconds, places, isDear }, patienceMs, whenGone);
  }

  function wait(
    work: Pick<Waiter, 'address' | 'milliseconds' | 'places' | 'isDear'>,
    patienceMs: number,
    whenGone: Turn['whenGone'],
  ): Promise<void> {
    return new Promise((admit, reject) => {
      const end = () => {
        clearTimeout(deadline);
        stopListening?.();
      };
      const waiter: Waiter = {
        ...work,
        isReady: true,
        admit: () => {
          end();
          start(work);
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
      const stopListening = whenGone?.(waiter.refuse);
      // Nothing may run any more, if room was made by refusing the last that waited.
      admitNext();
    });
  }

  // Nobody overtakes: large work at the front waits until enough is free, and would otherwise never begin.
  function admitNext(): void {
    for (let next = queue.next(mayBegin); next && next.places <= free; next = queue.next(mayBegin)) {
      queue.take(next);
      next.admit();
    }
  }

  function leave({ places, isDear }: Pick<Waiter, 'places' | 'isDear'>): void {
    running -= 1;
    free += places;
    if (isDear) dearRunning -= 1;
    admitNext();
    // Work turned out to be slower than thought: better a refusal now than at the deadline.
    while (queue.size() > 1 && isTooLong(deadlineMs)) queue.lastOfFullest()?.refuse();
  }

  return {
    async run(address, work, turn = {}) {
      const { expense = noExpense, isDear = false } = turn;
      await enter(address, turn);
      const begun = performance.now();
      try {
        const result = await work();
        if (turn.expense) pace.learn(expense.milliseconds, performance.now() - begun);
        return result;
      } finally {
        leave({ places: placesOf(expense), isDear });
      }
    },
    announce(address, expense) {
      const places = placesOf(expense);
      const milliseconds = expense.milliseconds * places;
      makeRoom(address, milliseconds, free);
      const coming: Waiter = {
        address,
        milliseconds,
        places,
        isDear: false,
        isReady: false,
        admit() {},
        refuse: () => queue.remove(coming),
      };
      queue.add(coming);
      return () => queue.remove(coming);
    },
    stats: () => ({ running, queued: queue.size() }),
  };
}
