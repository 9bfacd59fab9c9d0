import type { LimitedRequest, RowLimit } from '../endpoint.js';
import { byAddress } from '../platform/http/by-address.js';
import { tokensIn } from '../sessions/cookies.js';
import { deviceIdOf, isDeviceToken } from '../sessions/known-devices.js';
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
    if (device === undefined) return [...addresses, { limit: limits.login_account, key: canonical(req.body.username) }];
    if (req.res) req.res.locals.isKnownDevice = true;
    return [
      { limit: limits.login_device, key: `${device.userId} ${device.id}` },
      { limit: limits.login_devices, key: device.userId },
      ...addresses.map((address) => ({ ...address, lenient: true as const })),
    ];
  },
  counts: (code) => code === 'invalid_credentials',
};

type KnownDevice = { userId: string; id: string };

async function knownDevice({ deps, req, cookies }: LimitedRequest<unknown>): Promise<KnownDevice | undefined> {
  const token: string | undefined = req.body.device_token ?? tokensIn(cookies, deps.config.cookies).device;
  if (token === undefined || !isDeviceToken(deps.keys, token)) return undefined;
  const user = await findByLogin(deps, req.body.username);
  const id = user ? deviceIdOf(deps.keys, user, token) : undefined;
  return user && id !== undefined ? { userId: user.id, id } : undefined;
}
