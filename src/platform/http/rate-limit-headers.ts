import type { Response } from 'express';
import { AppError } from '../../errors.js';
import type { Policy } from '../limits/counters.js';

/** A limit and its state for the client, if known without asking the store. */
export type Standing = { policy: Policy; left?: number; msLeft?: number };

/** Sets `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers). */
export function tellLimits(res: Response, standings: Standing[]): void {
  const policies = standings.map(({ policy: { name, points, seconds } }) => `"${name}";q=${points};w=${seconds}`);
  const left = standings.flatMap(({ policy, left, msLeft }) =>
    left === undefined || msLeft === undefined ? [] : [`"${policy.name}";r=${left};t=${secondsOf(msLeft)}`],
  );
  res.setHeader('RateLimit-Policy', policies.join(', '));
  if (left.length > 0) res.setHeader('RateLimit', left.join(', '));
}

/** The answer names the limit. @param msLeft until its window is over */
export function rateLimited(limit: Policy, msLeft: number): AppError {
  return new AppError('rate_limited', { limit, retryAfterSeconds: secondsOf(msLeft) });
}

/** Rounded up: a client that waits this long finds the window over. */
function secondsOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
