import { memoryCounter, type Policy, type Store } from './platform/limits/counters.js';
import { createOutage, type OutageLog, withoutFail } from './platform/limits/fallback.js';
import { createLimit, type Limit } from './platform/limits/limit.js';
import { rate } from './platform/settings/kinds.js';

export type Rate = { points: number; seconds: number };

/**
 * Every limit: its setting, default rate and what it counts. Clients see the name without `RATE_LIMIT_`, in lower case.
 */
export const limitSettings = {
  RATE_LIMIT_LOGIN_ADDRESS: rate('50/15m').describe(
    'Failed logins from one address. An IPv6 address counts as its /64.',
  ),
  RATE_LIMIT_LOGIN_ACCOUNT: rate('10/15m').describe(
    'Failed logins for one user, and for one typed name, from unknown devices.',
  ),
  RATE_LIMIT_LOGIN_DEVICE: rate('10/15m').describe(
    'Failed logins from one device that the user has signed in on before.',
  ),
  RATE_LIMIT_LOGIN_DEVICES: rate('30/15m').describe(
    'Failed logins from all devices together that one user has signed in on before.',
  ),
  RATE_LIMIT_LOGINS: rate('200/15m').describe(
    'Logins of one user with the right password. Each instance counts for itself.',
  ),
  RATE_LIMIT_SIGNUP: rate('100/1h').describe('Attempts to sign up from one address.'),
  RATE_LIMIT_PASSWORD: rate('10/15m').describe(
    'Wrong passwords in one session, and made-up tokens for a password reset from one address.',
  ),
  RATE_LIMIT_USERNAME: rate('10/1h').describe('Changes of the username that one user asks for.'),
  RATE_LIMIT_MAIL: rate('5/1h').describe(
    'Mails of one purpose (verify, resend, forgot) to one recipient, and about one user. Above it the answer is the same, and no mail is sent.',
  ),
  RATE_LIMIT_MAIL_ADDRESS: rate('20/1h').describe(
    'Requests from one address that send a mail: forgot, resend, change of e-mail.',
  ),
  RATE_LIMIT_REFRESH: rate('60/5m').describe(
    'Made-up refresh tokens from one address. Genuine ones are never refused for them.',
  ),
  RATE_LIMIT_EXPORT: rate('10/1h').describe('Exports of one user’s data.'),
  RATE_LIMIT_GENERAL: rate('1200/1m').describe(
    'All requests from one address, except probes (`/healthz`, `/readyz`). Each instance counts for itself.',
  ),
};

type LimitSettings = { [Name in keyof typeof limitSettings]: Rate };

type LimitName = keyof ReturnType<typeof ratesOf>;

export function ratesOf(given: LimitSettings) {
  return {
    login_address: given.RATE_LIMIT_LOGIN_ADDRESS,
    login_account: given.RATE_LIMIT_LOGIN_ACCOUNT,
    login_device: given.RATE_LIMIT_LOGIN_DEVICE,
    login_devices: given.RATE_LIMIT_LOGIN_DEVICES,
    logins: given.RATE_LIMIT_LOGINS,
    signup: given.RATE_LIMIT_SIGNUP,
    password: given.RATE_LIMIT_PASSWORD,
    username: given.RATE_LIMIT_USERNAME,
    mail: given.RATE_LIMIT_MAIL,
    mail_address: given.RATE_LIMIT_MAIL_ADDRESS,
    refresh: given.RATE_LIMIT_REFRESH,
    export: given.RATE_LIMIT_EXPORT,
    general: given.RATE_LIMIT_GENERAL,
  };
}

export type Limits = Record<Exclude<LimitName, 'general' | 'mail'>, Limit> & {
  /** Like `login_account`, but counted for the user, whatever name was typed; see passwords/check.ts. */
  login_user: Limit;
  /** All requests. Only the policy: each instance counts for itself, because every request passes here. */
  general: Policy;
};

function inMemory(policy: Policy): Limit {
  return createLimit(policy, memoryCounter(policy), false);
}

/** @param store counts for all instances together; without it each instance counts in memory */
export function createLimits(rates: Record<LimitName, Rate>, store: Store | undefined, log: OutageLog): Limits {
  const outage = createOutage(log);
  const limit = (name: string, rate: Rate): Limit => {
    const policy = { name, ...rate };
    const memory = memoryCounter(policy);
    return createLimit(policy, store ? withoutFail(store(policy), memory, outage) : memory, store !== undefined);
  };
  // Mails are counted where they are sent; see platform/outbox/gate.ts.
  const { general, logins, mail: _, ...counted } = rates;
  const named = Object.fromEntries(Object.entries(counted).map(([name, rate]) => [name, limit(name, rate)]));
  return {
    ...(named as Record<keyof typeof counted, Limit>),
    login_user: limit('login_user', rates.login_account),
    // A right login asks the store nothing more for it.
    logins: inMemory({ name: 'logins', ...logins }),
    general: { name: 'general', ...general },
  };
}
