import type { Response } from 'express';
import { AppError } from '../../errors.js';
import type { Policy } from '../limits/counters.js';
import { secondsOf, tellLimits } from './rate-limit-headers.js';

/**
 * Refuses a request by a limit, tells how that stands, and leaves its name for the metrics.
 * @throws AppError rate_limited
 */
export function refuseByLimit(res: Response, policy: Policy, msLeft: number): never {
  tellLimits(res, [{ policy, left: 0, msLeft }]);
  res.locals.refusedBy = policy.name;
  throw new AppError('rate_limited', { retryAfterSeconds: secondsOf(msLeft) });
}
