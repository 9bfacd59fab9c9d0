import { z } from 'zod';

/** Cost of argon2: memory in KiB, passes, lanes (RFC 9106 §3.1). */
export type HashCost = { memoryKiB: number; passes: number; parallelism: number };

/** The maximum cost of a stored hash: a tampered or imported one could otherwise use up the machine. */
export const HASH_COST_LIMITS: HashCost = { memoryKiB: 1_048_576, passes: 20, parallelism: 16 };

/** Within `HASH_COST_LIMITS` and argon2's own minimum (8 KiB per lane), where it would throw. */
export function isWithinLimits({ memoryKiB, passes, parallelism }: HashCost): boolean {
  const { memoryKiB: maxMemory, passes: maxPasses, parallelism: maxLanes } = HASH_COST_LIMITS;
  return memoryKiB >= 8 * parallelism && memoryKiB <= maxMemory && passes <= maxPasses && parallelism <= maxLanes;
}

export const hashCost = z
  .string()
  .default('m=19456,t=2,p=1')
  .transform((text, context): HashCost => {
    const [memoryKiB, passes, parallelism] = (/^m=(\d+),t=(\d+),p=(\d+)$/.exec(text) ?? []).slice(1).map(Number);
    const cost = memoryKiB && passes && parallelism ? { memoryKiB, passes, parallelism } : undefined;
    if (cost && cost.memoryKiB >= 1024 && isWithinLimits(cost)) return cost;
    context.addIssue('argon2id cost as m=<KiB, 1024 to 1048576>,t=<passes, at most 20>,p=<lanes, at most 16>');
    return z.NEVER;
  });
