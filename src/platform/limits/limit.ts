import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.js';
import type { Count, Counter, Policy } from './counters.js';
import { createExhaustedKeys } from './exhausted-keys.js';

/** A point reserved for this attempt until it is settled. */
export type Taken = {
  allowed: true;
  left: number;
  msLeft: number;
  /** @param counts whether the point stays used; otherwise it is returned */
  settle(counts: boolean): Promise<void>;
};

export type Counted = Pick<Taken, 'allowed' | 'left' | 'msLeft'>;

export type Refused = { allowed: false; msLeft: number };

/**
 * An attempt reserves a point before it starts, so that parallel attempts cannot exceed the limit, and returns it if it
 * turns out not to count.
 */
export type Limit = {
  policy: Policy;
  /** The refusal that is certain without asking the store; undefined if the store must decide. */
  peek(key: string): Refused | undefined;
  /**
   * If points are only held by attempts in flight, waits for their result: with a limit of ten, twenty parallel logins
   * with right passwords succeed.
   * @throws AppError overloaded if that takes longer than a hash may wait
   */
  take(key: string): Promise<Taken | Refused>;
  /** Reserves a point without waiting, with one question to the store. */
  takeNow(key: string): Promise<Taken | Refused>;
  /** Counts an attempt after its result is known, so that successful ones cost nothing. Not for guesses: see `take`. */
  count(key: string): Promise<Counted | Refused>;
};

type Line = { underWay: number; inLine: number; tail: Promise<unknown>; wake: (() => void) | undefined };

// As long as a hash may wait: by then every held point is settled.
const patienceMs = 5_000;

// How long and how often to wait for points that another instance may hold, before the first refusal.
const elsewhere = { pauseMs: 200, times: 2 };

/** @param shared whether other instances use the same counter */
export function createLimit(policy: Policy, counter: Counter, shared: boolean): Limit {
  const lines = new Map<string, Line>();
  const exhausted = createExhaustedKeys();

  function lineFor(key: string): Line {
    const line = lines.get(key) ?? { underWay: 0, inLine: 0, tail: Promise.resolve(), wake: undefined };
    lines.set(key, line);
    return line;
  }

  function leave(key: string, line: Line): void {
    if (line.underWay === 0 && line.inLine === 0) lines.delete(key);
  }

  function peek(key: string): Refused | undefined {
    const endsAt = exhausted.get(key);
    return endsAt === undefined ? undefined : refused(endsAt);
  }

  async function add(key: string, patient: boolean): Promise<Taken | Refused> {
    const count = await counter.add(key);
    if (count.points <= policy.points) return taken(key, count);
    // A refusal is no attempt, so it must not use up a point that an attempt in flight returns.
    const undone = count.undo();
    if (patient) await undone;
    return { allowed: false, msLeft: count.msLeft };
  }

  function taken(key: string, count: Count): Taken {
    const line = lineFor(key);
    line.underWay += 1;
    let settled = false;
    return {
      allowed: true,
      left: policy.points - count.points,
      msLeft: count.msLeft,
      async settle(counts) {
        if (settled) return;
        settled = true;
        if (!counts) await count.undo();
        line.underWay -= 1;
        if (!counts || line.underWay === 0) line.wake?.();
        leave(key, line);
      },
    };
  }

  /** Only the first in line asks the store; the others use its result. */
  async function asFirst(key: string, line: Line): Promise<Taken | Refused> {
    const deadline = performance.now() + patienceMs;
    for (let times = 0; ; ) {
      const known = peek(key);
      if (known) return known;
      const answer = await add(key, true);
      if (answer.allowed) return answer;
      if (line.underWay > 0) await someoneSettled(line, deadline);
      else if (shared && times < elsewhere.times && !exhausted.wasJust(key)) {
        times += 1;
        await sleep(elsewhere.pauseMs);
      } else return refused(exhausted.add(key, answer.msLeft));
    }
  }

  return {
    policy,
    peek,
    takeNow: (key) => add(key, false),
    async count(key) {
      const { points, msLeft } = await counter.add(key);
      const left = policy.points - points;
      // No attempt returns these points, so this holds until the window ends.
      if (left <= 0) exhausted.add(key, msLeft, msLeft);
      return left >= 0 ? { allowed: true, left, msLeft } : { allowed: false, msLeft };
    },
    async take(key) {
      const line = lineFor(key);
      line.inLine += 1;
      try {
        const turn = line.tail.then(() => asFirst(key, line));
        line.tail = turn.catch(() => undefined);
        return await turn;
      } finally {
        line.inLine -= 1;
        leave(key, line);
      }
    },
  };
}

async function someoneSettled(line: Line, deadline: number): Promise<void> {
  let late: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve, reject) => {
    line.wake = resolve;
    late = setTimeout(() => reject(new AppError('overloaded')), deadline - performance.now());
  }).finally(() => clearTimeout(late));
}

function refused(endsAt: number): Refused {
  return { allowed: false, msLeft: Math.max(1, endsAt - performance.now()) };
}
