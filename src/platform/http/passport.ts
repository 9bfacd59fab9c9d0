import type { Request } from 'express';
import { Passport, Strategy } from 'passport';
import type { Step } from './endpoint.js';

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

/** The step of a guard whose strategy asks `prove`: it admits what that gives, and refuses by what that throws. */
export function proofStep<Proof extends object>(
  name: string,
  prove: (req: Request) => Proof | Promise<Proof>,
): Step<Proof> {
  const passport = passportWith(name, new ProofStrategy(prove));
  return (req, res, admit, next) => {
    const report = (error: unknown, proof: unknown) => (proof ? admit(proof as Proof) : next(error));
    passport.authenticate(name, { session: false }, report)(req, res, next);
  };
}

class ProofStrategy extends Strategy {
  // Passport makes an object of this one for each request, so it cannot be a #field.
  private readonly prove: (req: Request) => object;

  constructor(prove: (req: Request) => object) {
    super();
    this.prove = prove;
  }

  override authenticate(req: Request): void {
    const proof = this.proofOf(req);
    if (proof instanceof Promise)
      proof.then(
        (proven) => this.success(proven),
        (error) => this.error(error),
      );
    else if (proof) this.success(proof);
  }

  private proofOf(req: Request): object | undefined {
    try {
      return this.prove(req);
    } catch (error) {
      this.error(error);
      return undefined;
    }
  }
}
