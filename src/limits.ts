import { memoryCounter, type Policy, type Store } from './platform/limits/counters.js';
import { createOutage, type OutageLog, withoutFail } from './platform/limits/fallback.js';
import { createLimit, type Limit } from './platform/limits/limit.js';

/** So many points in so many seconds. */
export type Rate = { points: number; seconds: number };

/**
 * Every limit, by the name that clients read, with its setting and the rate that it has by default. What counts on it
 * stands in the room that has it, as `limits.ts`.
 */
export const limitRates = {
  login_address: { setting: 'RATE_LIMIT_LOGIN_ADDRESS', rate: '50/15m' },
  login_account: { setting: 'RATE_LIMIT_LOGIN_ACCOUNT', rate: '10/15m' },
  login_device: { setting: 'RATE_LIMIT_LOGIN_DEVICE', rate: '10/15m' },
  signup: { setting: 'RATE_LIMIT_SIGNUP', rate: '100/1h' },
  password: { setting: 'RATE_LIMIT_PASSWORD', rate: '10/15m' },
  mail: { setting: 'RATE_LIMIT_MAIL', rate: '5/1h' },
  mail_address: { setting: 'RATE_LIMIT_MAIL_ADDRESS', rate: '20/1h' },
  refresh: { setting: 'RATE_LIMIT_REFRESH', rate: '60/5m' },
  general: { setting: 'RATE_LIMIT_GENERAL', rate: '1200/1m' },
} as const;

export type LimitName = keyof typeof limitRates;

export type Limits = Record<Exclude<LimitName, 'general'>, Limit> & {
  /** Like `login_account`, but counted for the user, whichever name was typed; see log-in/silent-limit.ts. */
  login_user: Limit;
  /** Everything: counted on the hot path and in this instance alone, so only its policy is here. */
  general: Policy;
};

/** @param store where all instances count together; without one each counts in its memory */
export function createLimits(rates: Record<LimitName, Rate>, store: Store | undefined, log: OutageLog): Limits {
  const outage = createOutage(log);
  const limit = (name: string, rate: Rate): Limit => {
    const policy = { name, ...rate };
    const memory = memoryCounter(policy);
    return createLimit(policy, store ? withoutFail(store(policy), memory, outage) : memory, store !== undefined);
  };
  const { general, ...counted } = rates;
  const named = Object.fromEntries(Object.entries(counted).map(([name, rate]) => [name, limit(name, rate)]));
  return {
    ...(named as Record<keyof typeof counted, Limit>),
    login_user: limit('login_user', rates.login_account),
    general: { name: 'general', ...general },
  };
}
