import type { Response } from 'express';
import type { Policy } from '../limits/counters.js';

/** A limit, and how it stands for the one who asks where that is known without asking the store. */
export type Standing = { policy: Policy; left?: number; msLeft?: number };

/** `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers): what holds, and how much of it is left. */
export function tellLimits(res: Response, standings: Standing[]): void {
  const policies = standings.map(({ policy: { name, points, seconds } }) => `"${name}";q=${points};w=${seconds}`);
  const left = standings.flatMap(({ policy, left, msLeft }) =>
    left === undefined || msLeft === undefined ? [] : [`"${policy.name}";r=${left};t=${secondsOf(msLeft)}`],
  );
  res.setHeader('RateLimit-Policy', policies.join(', '));
  if (left.length > 0) res.setHeader('RateLimit', left.join(', '));
}

/** Rounded up: who comes back then finds the window over. */
export function secondsOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
