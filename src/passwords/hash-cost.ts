/** Cost of argon2: memory in KiB, passes, lanes (RFC 9106 §3.1). */
export type HashCost = { memoryKiB: number; passes: number; parallelism: number };

/** The most that a stored hash may ask for: a tampered or imported one could otherwise take the machine. */
export const HASH_COST_LIMITS: HashCost = { memoryKiB: 1_048_576, passes: 20, parallelism: 16 };

/** Within `HASH_COST_LIMITS`, and within argon2's own (8 KiB for each lane), beyond which it would throw. */
export function isBearable({ memoryKiB, passes, parallelism }: HashCost): boolean {
  const { memoryKiB: maxMemory, passes: maxPasses, parallelism: maxLanes } = HASH_COST_LIMITS;
  return memoryKiB >= 8 * parallelism && memoryKiB <= maxMemory && passes <= maxPasses && parallelism <= maxLanes;
}
