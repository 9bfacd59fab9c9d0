import type { RowLimit } from '../endpoint.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { tokensIn } from '../sessions/cookies.js';
import { deviceIdOf } from '../sessions/known-devices.js';
import { guesserKey } from './wrong-codes.js';

/** Wrong first codes count with the wrong codes of sign-ins: by known device, else by user. */
export const enrolmentLimit: RowLimit<AccessClaims> = {
  name: 'second_factor',
  keys({ deps, limits, cookies, principal: { sub, epoch } }) {
    const { device } = tokensIn(cookies, deps.config.cookies);
    const user = { id: sub, epoch };
    const deviceId = deviceIdOf(deps.keys, user, device);
    return [{ limit: limits.second_factor, key: guesserKey({ user, deviceId }) }];
  },
  counts: (code) => code === 'invalid_code',
};
