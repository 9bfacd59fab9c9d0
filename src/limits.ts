import { memoryCounter, type Policy, type Store } from './platform/limits/counters.js';
import { createOutage, type OutageLog, withoutFail } from './platform/limits/fallback.js';
import { createLimit, type Limit } from './platform/limits/limit.js';

/** The limits of the contract, besides the general one, by the names that clients read. */
export const limitNames = [
  'login_address',
  'login_account',
  'login_device',
  'signup',
  'password',
  'mail',
  'mail_address',
  'refresh',
] as const;
export type LimitName = (typeof limitNames)[number];

/** So many points in so many seconds. */
export type Rate = { points: number; seconds: number };

export type Limits = Record<LimitName, Limit> & {
  /** Like `login_account`, but counted for the user, whichever name was typed; see guesses.ts. */
  login_user: Limit;
  /** Everything: counted on the hot path and in this instance alone, so only its policy is here. */
  general: Policy;
};

/** @param store where all instances count together; without one each counts in its memory */
export function createLimits(
  rates: Record<LimitName | 'general', Rate>,
  store: Store | undefined,
  log: OutageLog,
): Limits {
  const outage = createOutage(log);
  const limit = (name: string, rate: Rate): Limit => {
    const policy = { name, ...rate };
    const memory = memoryCounter(policy);
    return createLimit(policy, store ? withoutFail(store(policy), memory, outage) : memory, store !== undefined);
  };
  const named = Object.fromEntries(limitNames.map((name) => [name, limit(name, rates[name])]));
  return {
    ...(named as Record<LimitName, Limit>),
    login_user: limit('login_user', rates.login_account),
    general: { name: 'general', ...rates.general },
  };
}
