import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.js';
import type { Count, Counter, Policy } from './counters.js';
import { createSpentKeys } from './exhausted-keys.js';

/** A point that was free, and is now this attempt's until it is told how that went. */
export type Taken = {
  allowed: true;
  /** How many more there are, as far as is known. */
  left: number;
  msLeft: number;
  /** @param counts whether the point is spent; else it is given back */
  settle(counts: boolean): Promise<void>;
};

/** An attempt that was counted, and how the limit stands. */
export type Counted = Pick<Taken, 'allowed' | 'left' | 'msLeft'>;

/** No point is free before the window ends. */
export type Refused = { allowed: false; msLeft: number };

/**
 * A number of points that each key has in a window. A point is taken before the attempt that it is for, so that
 * attempts at once can't pass together, and given back where the attempt turns out not to count.
 */
export type Limit = {
  policy: Policy;
  /** The refusal that is certain without asking the store; undefined where it has to be asked. */
  peek(key: string): Refused | undefined;
  /**
   * Takes a point. Where those that are missing are only held by attempts under way, it waits for how they end:
   * twenty right passwords at once are all let in where ten wrong ones are the limit.
   * @throws AppError overloaded where that takes longer than a hash may wait for its turn
   */
  take(key: string): Promise<Taken | Refused>;
  /** The same without waiting for others, and with one question to the store, whatever the answer. */
  takeNow(key: string): Promise<Taken | Refused>;
  /** Counts an attempt once it is known to count, so that good ones cost nothing: not for guesses, see `take`. */
  count(key: string): Promise<Counted | Refused>;
};

/** Who has or wants points of one key, in this instance. */
type Line = { underWay: number; inLine: number; tail: Promise<unknown>; wake: (() => void) | undefined };

// As long as a hash may wait: whoever holds a point is done by then.
const patienceMs = 5_000;

// How long, and how often, points that another instance may hold are waited for, before the first refusal.
const elsewhere = { pauseMs: 200, times: 2 };

/** @param shared whether other instances count there too */
export function createLimit(policy: Policy, counter: Counter, shared: boolean): Limit {
  const lines = new Map<string, Line>();
  const spent = createSpentKeys();

  function lineFor(key: string): Line {
    const line = lines.get(key) ?? { underWay: 0, inLine: 0, tail: Promise.resolve(), wake: undefined };
    lines.set(key, line);
    return line;
  }

  function leave(key: string, line: Line): void {
    if (line.underWay === 0 && line.inLine === 0) lines.delete(key);
  }

  function peek(key: string): Refused | undefined {
    const endsAt = spent.get(key);
    return endsAt === undefined ? undefined : refused(endsAt);
  }

  async function add(key: string, patient: boolean): Promise<Taken | Refused> {
    const count = await counter.add(key);
    if (count.points <= policy.points) return taken(key, count);
    // A refusal is no attempt. It must not stand in the way when those under way give their points back.
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

  /** Only the first in line asks the store: what it hears counts for those behind it. */
  async function asFirst(key: string, line: Line): Promise<Taken | Refused> {
    const deadline = performance.now() + patienceMs;
    for (let times = 0; ; ) {
      const known = peek(key);
      if (known) return known;
      const answer = await add(key, true);
      if (answer.allowed) return answer;
      if (line.underWay > 0) await someoneSettled(line, deadline);
      else if (shared && times < elsewhere.times && !spent.wasJust(key)) {
        times += 1;
        await sleep(elsewhere.pauseMs);
      } else return refused(spent.add(key, answer.msLeft));
    }
  }

  return {
    policy,
    peek,
    takeNow: (key) => add(key, false),
    async count(key) {
      const { points, msLeft } = await counter.add(key);
      const left = policy.points - points;
      // Nobody gives any of these back, so this holds until the window ends.
      if (left <= 0) spent.add(key, msLeft, msLeft);
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

/** Until a point was given back, or nobody is left who could. */
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
