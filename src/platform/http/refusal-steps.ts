import { setTimeout as sleep } from 'node:timers/promises';

const stepMs = 50;

/**
 * Resolves at about the next multiple of 50 ms since the request came. A user, a right password or a passkey that was
 * found on the way to a refusal costs part of a millisecond, which the time of the answer would tell.
 * @param startedAt by `performance.now()`
 */
export function untilNextStep(startedAt: number): Promise<void> {
  const left = stepMs - ((performance.now() - startedAt) % stepMs);
  // A timer counts whole milliseconds. Rounded by chance, what is cut off does not tell either.
  return sleep(Math.floor(left + Math.random()));
}
