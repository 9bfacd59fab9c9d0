import { Passport, Strategy } from 'passport';

export { Strategy };

/**
 * The only file that creates a Passport: one per guard and app, because the whole process shares the package's default
 * export. Passport never answers by itself: the guard decides in its callback, and every refusal leaves through the one
 * error handler.
 */
export function passportWith(name: string, strategy: Strategy): InstanceType<typeof Passport> {
  const passport = new Passport();
  passport.use(name, strategy);
  return passport;
}
