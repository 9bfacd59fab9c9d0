import type { Request } from 'express';
import type { Deps } from '../deps.js';
import type { RowLimit } from '../endpoint.js';
import type { ErrorCode } from '../errors.js';
import type { Limits } from '../limits.js';
import { addressKeyOf } from '../platform/http/address-key.js';
import type { Limit } from '../platform/limits/limit.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import type { AuthCookies } from '../sessions/cookies.js';
import { addressToVerify, canonical, findByLogin } from '../users/users.js';
import { deviceIdOf, isDeviceToken } from './known-devices.js';

/** A limit that a request counts on, under which key. A lenient one counts, but refuses nobody. */
export type Claim = { limit: Limit; key: string; lenient?: true };

/** What a row's limit counts. */
export type Counting = {
  claims(req: Request): Claim[] | Promise<Claim[]>;
  /** Counted only when it is over: for what costs next to nothing to try, so that good tries cost the store nothing. */
  afterwards?: true;
  /** Whether a request that ended so counts, or gets its points back; undefined where all went well. */
  counts(code: ErrorCode | undefined): boolean;
};

const always = () => true;
const wrongPassword = (code: ErrorCode | undefined) => code === 'invalid_credentials';
const refusedRefreshes: (ErrorCode | undefined)[] = [
  'invalid_refresh_token',
  'refresh_token_reused',
  'session_revoked',
];

/** The limits of the route table, spelled out. @param fromKnownDevice gets the logins that are found to be so */
export function countingOf(
  deps: Deps,
  limits: Limits,
  cookies: AuthCookies,
  fromKnownDevice: WeakSet<Request>,
): Record<RowLimit, Counting> {
  const byAddress = (limit: Limit) => (req: Request) => [{ limit, key: addressKeyOf(req) }];

  /**
   * A device that has signed in as this user before has a limit of its own, and no other refuses it: nobody can keep
   * the owner out. Its failures are seen at the address all the same. Everybody else is held by the address and by
   * the name as it was typed, which is the same for names that nobody has.
   */
  const login = async (req: Request): Promise<Claim[]> => {
    const device = await deviceOf(deps, cookies, req);
    const address = { limit: limits.login_address, key: addressKeyOf(req) };
    if (device === undefined) return [address, { limit: limits.login_account, key: canonical(req.body.username) }];
    fromKnownDevice.add(req);
    return [
      { limit: limits.login_device, key: device },
      { ...address, lenient: true },
    ];
  };

  const mailTo = (req: Request, recipient: string): Claim[] => [
    ...byAddress(limits.mail_address)(req),
    { limit: limits.mail, key: recipient },
  ];

  return {
    login: { claims: login, counts: wrongPassword },
    signup: { claims: byAddress(limits.signup), counts: always },
    reset: { claims: byAddress(limits.password), counts: always },
    password: {
      claims: ({ body, user }) =>
        body?.password === undefined && body?.current_password === undefined
          ? []
          : [{ limit: limits.password, key: (user as AccessClaims).sub }],
      counts: wrongPassword,
    },
    refresh: {
      claims: byAddress(limits.refresh),
      afterwards: true,
      counts: (code) => refusedRefreshes.includes(code),
    },
    mail: { claims: async (req) => mailTo(req, await recipientOf(deps, req)), counts: always },
    'new-email': {
      claims: (req) => (req.body?.email === undefined ? [] : mailTo(req, canonical(req.body.email))),
      counts: always,
    },
  };
}

/** The known device that a login comes from: whose user has signed in there before. */
async function deviceOf(deps: Deps, cookies: AuthCookies, req: Request): Promise<string | undefined> {
  const token: string | undefined = req.body.device_token ?? cookies.read(req).device;
  if (token === undefined || !isDeviceToken(deps.keys, token)) return undefined;
  const user = await findByLogin(deps, req.body.username);
  const device = user ? deviceIdOf(deps.keys, user.id, token) : undefined;
  return device && `${user?.id} ${device}`;
}

/**
 * To whom the mail goes: for who is signed in the address that they have yet to verify, whatever they typed besides; for
 * everybody else the address that was typed, whether it is anybody's or not.
 */
async function recipientOf(deps: Deps, { body, user }: Request): Promise<string> {
  const userId = (user as AccessClaims | undefined)?.sub;
  if (userId !== undefined) return (await addressToVerify(deps, userId)) ?? userId;
  return typeof body?.email === 'string' ? canonical(body.email) : 'nobody';
}
