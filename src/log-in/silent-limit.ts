import type { Limit } from '../platform/limits/limit.js';

/** Compares a password and counts the attempt against its user. */
export type CountAttempt = (userId: string, compare: () => Promise<boolean>) => Promise<boolean>;

export const uncounted: CountAttempt = (_userId, compare) => compare();

/**
 * A user has a username and an e-mail, and an attacker who knows both must not have twice the attempts. Yet a refusal
 * under one name because of attempts under the other would tell that both are one user's. So attempts beyond the user's
 * own limit are compared like any other, and come out wrong, whatever the password was. Nothing waits and nothing more is
 * asked for a right one, so that not even the time tells it from a wrong one, or from one at an unknown name.
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
