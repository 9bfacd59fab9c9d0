import type { Limit } from '../platform/limits/limit.js';

export type CountAttempt = (userId: string, compare: () => Promise<boolean>) => Promise<boolean>;

export const uncounted: CountAttempt = (_userId, compare) => compare();

/**
 * An attacker who knows a user's name and e-mail must not get twice the attempts. But a refusal under one name after
 * attempts under the other would reveal that they belong together. So attempts above the user's own limit are compared
 * as usual and always fail. A right password takes no extra time, so timing reveals nothing.
 */
export function limitSilently(limit: Limit): CountAttempt {
  return async (userId, compare) => {
    const point = await limit.takeNow(userId);
    if (!point.allowed) return (await compare()) && false;
    try {
      const right = await compare();
      await point.settle(!right);
      return right;
    } catch (error) {
      await point.settle(false);
      throw error;
    }
  };
}
