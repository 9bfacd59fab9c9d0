import { type AddressLimit, createAddressLimit } from './platform/limits/address-limit.js';
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
    'Failed logins from one address. An IPv6 address counts as its /64; its /56 has twice as many, its /48 three times.',
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
    'Right logins of one user: from each device that the user has signed in on before, and from all others together for each way to sign in; and, apart from them, passwords of one signed-in user that are checked, right or wrong. Each instance counts for itself.',
  ),
  RATE_LIMIT_SIGNUP: rate('100/1h').describe('Attempts to sign up from one address.'),
  RATE_LIMIT_PASSWORD: rate('10/15m').describe(
    'Wrong passwords in one session, and made-up tokens for a password reset from one address.',
  ),
  RATE_LIMIT_SECOND_FACTOR: rate('5/15m').describe(
    'Wrong second factors of one user, from unknown devices; and from each device that the user has signed in on before.',
  ),
  RATE_LIMIT_PASSKEY: rate('60/5m').describe('Refused passkeys from one address.'),
  RATE_LIMIT_EXTERNAL: rate('60/5m').describe(
    'Sign-ins by a provider that are begun from one address, and made-up external codes.',
  ),
  RATE_LIMIT_API_KEY: rate('60/5m').describe(
    'API keys that were looked up and refused, and refused clients of `/oauth/token`, from one address. Keys that the instance knows are never refused for them.',
  ),
  RATE_LIMIT_REVOKE: rate('60/5m').describe('Tokens from one address that `/oauth/revoke` does not know.'),
  RATE_LIMIT_INTROSPECT: rate('1200/1m').describe('Tokens that one client asked about and that were not good.'),
  RATE_LIMIT_INVITATION: rate('50/1h').describe('Invitations of one user.'),
  RATE_LIMIT_USERNAME: rate('10/1h').describe('Changes of the username that one user asks for.'),
  RATE_LIMIT_MAIL: rate('5/1h').describe(
    'Mails of one purpose (verify, resend, forgot, invitation) to one recipient, and about one user. Above it the answer is the same, and no mail is sent.',
  ),
  RATE_LIMIT_MAIL_ADDRESS: rate('20/1h').describe(
    'Requests from one address that send a mail: forgot, resend, change of e-mail, sign-up with an e-mail, invitation.',
  ),
  RATE_LIMIT_REFRESH: rate('60/5m').describe(
    'Made-up refresh tokens from one address. Genuine ones are never refused for them.',
  ),
  RATE_LIMIT_EXPORT: rate('10/1h').describe('Exports of one user’s data.'),
  RATE_LIMIT_GENERAL: rate('1200/1m').describe(
    'All requests from one address, except probes (`/healthz`, `/readyz`). What other services go by (keys, metadata, list of endings) is counted apart, as often; of introspections only refusals count. Each instance counts for itself.',
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
    second_factor: given.RATE_LIMIT_SECOND_FACTOR,
    passkey: given.RATE_LIMIT_PASSKEY,
    external: given.RATE_LIMIT_EXTERNAL,
    api_key: given.RATE_LIMIT_API_KEY,
    revoke: given.RATE_LIMIT_REVOKE,
    introspect: given.RATE_LIMIT_INTROSPECT,
    invitation: given.RATE_LIMIT_INVITATION,
    username: given.RATE_LIMIT_USERNAME,
    mail: given.RATE_LIMIT_MAIL,
    mail_address: given.RATE_LIMIT_MAIL_ADDRESS,
    refresh: given.RATE_LIMIT_REFRESH,
    export: given.RATE_LIMIT_EXPORT,
    general: given.RATE_LIMIT_GENERAL,
  };
}

type ByAddress =
  | 'login_address'
  | 'passkey'
  | 'external'
  | 'signup'
  | 'mail_address'
  | 'refresh'
  | 'password_address'
  | 'api_key'
  | 'revoke';

export type Limits = Record<ByAddress, AddressLimit> & {
  login_account: Limit;
  login_device: Limit;
  login_devices: Limit;
  /** Like `login_account`, but counted for the user, whatever name was typed; see passwords/check.ts. */
  login_user: Limit;
  /** Right logins by known device, else by user and what was proven; apart from them, all that a signed-in user lets us check. */
  logins: Limit;
  /** By session; `password_address` has the same rate. */
  password: Limit;
  /** By known device, else by user. */
  second_factor: Limit;
  /** By who asks. */
  introspect: Limit;
  /** By inviter. */
  invitation: Limit;
  username: Limit;
  export: Limit;
  /** All requests. Only the policy: each instance counts for itself, because every request passes here. */
  general: Policy;
};

function inMemory(policy: Policy): Limit {
  return createLimit(policy, memoryCounter(policy), false);
}

/**
 * Mails are counted where they are sent; see platform/outbox/gate.ts.
 * @param store counts for all instances together; without it each instance counts in memory
 */
export function createLimits(rates: Record<LimitName, Rate>, store: Store | undefined, log: OutageLog): Limits {
  const outage = createOutage(log);
  const limit = (name: LimitName | 'login_user', rate = rates[name as LimitName]): Limit => {
    const policy = { name, ...rate };
    const memory = memoryCounter(policy);
    return createLimit(policy, store ? withoutFail(store(policy), memory, outage) : memory, store !== undefined);
  };
  const password = limit('password');
  return {
    login_address: createAddressLimit(limit('login_address')),
    login_account: limit('login_account'),
    login_device: limit('login_device'),
    login_devices: limit('login_devices'),
    login_user: limit('login_user', rates.login_account),
    // A right login asks the store nothing more for it.
    logins: inMemory({ name: 'logins', ...rates.logins }),
    signup: createAddressLimit(limit('signup')),
    password,
    password_address: createAddressLimit(password),
    second_factor: limit('second_factor'),
    passkey: createAddressLimit(limit('passkey')),
    external: createAddressLimit(limit('external')),
    api_key: createAddressLimit(limit('api_key')),
    revoke: createAddressLimit(limit('revoke')),
    introspect: limit('introspect'),
    invitation: limit('invitation'),
    username: limit('username'),
    mail_address: createAddressLimit(limit('mail_address')),
    refresh: createAddressLimit(limit('refresh')),
    export: limit('export'),
    general: { name: 'general', ...rates.general },
  };
}
