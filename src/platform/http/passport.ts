import type { RequestHandler } from 'express';
import { Passport, type Strategy } from 'passport';

/** Runs a strategy for a request, and reports what it found: an error, a result, or false and why. */
export type Authenticate = (report: (error: unknown, result: unknown, why: unknown) => void) => RequestHandler;

/**
 * The only file that makes a Passport. Login sessions are off, and the callback form keeps Passport from answering by
 * itself: a strategy reports, its guard decides, and every refusal leaves by the one error handler.
 * @param name what the strategy is called
 */
export function authenticateBy(name: string, strategy: Strategy): Authenticate {
  // An instance for each guard and app: the package's default export is shared by the whole process.
  const passport = new Passport();
  passport.use(name, strategy);
  return (report) => passport.authenticate(name, { session: false }, report);
}
