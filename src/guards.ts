import type { Guard } from './endpoint.js';

/** Every way to be let in. A row names one of them, and its endpoint gets what the guard knows of the one who asks. */

/** Lets all in. */
export const open: Guard<undefined> = {
  name: 'open',
  refusals: [],
  schemes: () => ({}),
  bodyFirst: true,
  step: () => (_req, _res, admit) => admit(undefined),
};

export { verifiedEmail } from './email/guard.js';
export { metricsToken } from './health/guard.js';
export { password } from './log-in/guard.js';
export { accessToken, anyAccessToken, optionalAccessToken, refreshToken } from './sessions/guard.js';
