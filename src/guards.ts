import type { Guard } from './endpoint.js';

/** Every guard. A row names one, and its endpoint gets the guard's principal: what is known of the client. */

export const open: Guard<undefined> = {
  name: 'open',
  refusals: [],
  schemes: () => ({}),
  bodyFirst: true,
};

export { verifiedEmail } from './email/guard.js';
export { metricsToken } from './health/guard.js';
export { password } from './log-in/guard.js';
export { accessToken, anyAccessToken, optionalAccessToken, refreshToken } from './sessions/guard.js';
