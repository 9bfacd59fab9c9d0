import { setTimeout as sleep } from 'node:timers/promises';

const stepMs = 50;

/**
 * Resolves at the next multiple of 50 ms since the request came. A user, a right password or a passkey that was found on
 * the way to a refusal costs part of a millisecond, which the time of the answer would tell.
 * @param startedAt by `performance.now()`
 */
export function untilNextStep(startedAt: number): Promise<void> {
  // A timer drops the fraction.
  return sleep(Math.ceil(stepMs - ((performance.now() - startedAt) % stepMs)));
}
