import type { Deps } from '../deps.js';
import type { LimitedRequest, RowLimit } from '../endpoint.js';
import { byAddress } from '../platform/http/by-address.js';
import { rateLimited } from '../platform/http/rate-limit-headers.js';
import { presentedDevice } from '../sessions/cookies.js';
import { deviceIdOf, isDeviceToken } from '../sessions/known-devices.js';
import type { Proof } from '../sessions/start.js';
import { canonical, findByLogin } from '../users/users.js';

declare module 'express-serve-static-core' {
  interface Locals {
    isKnownDevice?: true;
  }
}

/**
 * Counts failed logins. A known device has its own limit, shares one with the user's other known devices, and is not
 * refused for what strangers do: they cannot lock the user out. Other devices are limited by address and typed name, whether or not a user has it.
 */
export const logInLimit: RowLimit<unknown> = {
  name: 'login',
  async keys(request) {
    const { limits, req } = request;
    const device = await knownDevice(request);
    const addresses = byAddress(limits.login_address, req);
    if (device === undefined)
      return [...addresses, { limit: limits.login_account, key: canonical(req.body.username), ofOthers: true }];
    if (req.res) req.res.locals.isKnownDevice = true;
    return [
      { limit: limits.login_device, key: `${device.userId} ${device.id}` },
      { limit: limits.login_devices, key: device.userId, ofOthers: true },
      ...addresses.map((address) => ({ ...address, lenient: true as const })),
    ];
  },
  counts: (code) => code === 'invalid_credentials',
};

/**
 * Right sign-ins too have a limit: each makes a session and an audit event. A known device has its own, and so have
 * others by what was proven: who has stolen the password alone uses up none of those. A new password begins anew.
 * @throws AppError rate_limited
 */
export async function countLogin(
  { limits }: Pick<Deps, 'limits'>,
  { userId, epoch, amr }: Pick<Proof, 'userId' | 'epoch' | 'amr'>,
  knownDeviceId: string | undefined,
): Promise<void> {
  if (!limits) return;
  const key = `${userId} ${epoch} ${knownDeviceId ?? amr.join(' ')}`;
  const counted = limits.logins.peek(key) ?? (await limits.logins.count(key));
  if (!counted.allowed) throw rateLimited(limits.logins.policy, counted.msLeft);
}

type KnownDevice = { userId: string; id: string };

async function knownDevice({ deps, limits, req, cookies }: LimitedRequest<unknown>): Promise<KnownDevice | undefined> {
  const token = presentedDevice(deps, req.body, cookies);
  if (token === undefined || !isDeviceToken(deps.keys, token)) return undefined;
  // The look-up takes longer for a name that exists: tokens of other users must not buy any number of them.
  const misfits = byAddress(limits.login_address, req, 'device ');
  if (misfits.some(({ limit, key }) => limit.peek(key))) return undefined;
  const user = await findByLogin(deps, req.body.username);
  const id = user ? deviceIdOf(deps.keys, user, token) : undefined;
  if (user && id !== undefined) return { userId: user.id, id };
  await Promise.all(misfits.map(({ limit, key }) => limit.count(key)));
  return undefined;
}
