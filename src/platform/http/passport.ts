import type { RequestHandler } from 'express';
import { Passport, type Strategy } from 'passport';

/** Runs a strategy for a request and reports the result: an error, a user, or false with the reason. */
export type Authenticate = (report: (error: unknown, result: unknown, why: unknown) => void) => RequestHandler;

/**
 * The only file that creates a Passport. Passport never answers by itself: the guard decides, and every refusal leaves
 * through the one error handler.
 */
export function authenticateBy(name: string, strategy: Strategy): Authenticate {
  // One instance per guard and app: the whole process shares the package's default export.
  const passport = new Passport();
  passport.use(name, strategy);
  return (report) => passport.authenticate(name, { session: false }, report);
}
