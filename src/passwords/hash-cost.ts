import { z } from 'zod';
import type { Expense } from '../platform/process/gate.js';

/** Cost of argon2: memory in KiB, passes, lanes (RFC 9106 §3.1). */
export type HashCost = { memoryKiB: number; passes: number; parallelism: number };

/** The most that `PASSWORD_HASH` may ask for. */
const MAX_COST: HashCost = { memoryKiB: 1_048_576, passes: 20, parallelism: 16 };

/** Whether argon2 computes it (8 KiB per lane at least), in a bounded number of threads. */
export function isComputable({ memoryKiB, parallelism }: HashCost): boolean {
  return memoryKiB >= 8 * parallelism && memoryKiB < 2 ** 32 && parallelism <= MAX_COST.parallelism;
}

/** One pass over 1 GiB takes a second of one core of an ordinary machine. Lanes only divide the work. */
export function expenseOf({ memoryKiB, passes }: HashCost): Expense {
  return { memoryBytes: memoryKiB * 1024, milliseconds: (memoryKiB * passes * 1000) / 2 ** 20 };
}

/** Whether one costs at most as much as the other. */
export function fitsInto(expense: Expense, ceiling: Expense): boolean {
  return expense.memoryBytes <= ceiling.memoryBytes && expense.milliseconds <= ceiling.milliseconds;
}

export const hashCost = z
  .string()
  .default('m=19456,t=2,p=1')
  .transform((text, context): HashCost => {
    const [memoryKiB, passes, parallelism] = (/^m=(\d+),t=(\d+),p=(\d+)$/.exec(text) ?? []).slice(1).map(Number);
    const cost = memoryKiB && passes && parallelism ? { memoryKiB, passes, parallelism } : undefined;
    const isAllowed = cost && cost.memoryKiB <= MAX_COST.memoryKiB && cost.passes <= MAX_COST.passes;
    if (isAllowed && cost.memoryKiB >= 1024 && isComputable(cost)) return cost;
    context.addIssue('argon2id cost as m=<KiB, 1024 to 1048576>,t=<passes, at most 20>,p=<lanes, at most 16>');
    return z.NEVER;
  });
