import type { Limit } from '../platform/limits/limit.js';

/** Has a password compared, and counts the comparison for the user whose it is. */
export type CountGuess = (userId: string, compare: () => Promise<boolean>) => Promise<boolean>;

export const uncounted: CountGuess = (_userId, compare) => compare();

/**
 * A user has a username and an e-mail, and whoever knows both shall not have twice the guesses. Yet a refusal under
 * one name because of guesses under the other would tell that both are one user's. So guesses beyond the user's own
 * limit are compared like any other, and come out wrong, whatever the password was. Nothing waits and nothing more is
 * asked for a right one, so that not even the time tells it from a wrong one, or from one at a name that is nobody's.
 */
export function secretly(limit: Limit): CountGuess {
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
