import { z } from 'zod';
import { resendFor, resendTo, verifyEmail } from '../domain/email-addresses.js';
import { AppError } from '../errors.js';
import type { Context, Reply } from '../route.js';
import { emailSchema, mailTokenSchema } from '../wire.js';

export const verifySchema = z.strictObject({ token: mailTokenSchema });
export const resendSchema = z.strictObject({ email: emailSchema.optional() }).default({});

/** Verifies the address that the token was mailed to. Nobody is signed in by it (ASVS 7.6.2). */
export async function verify({ deps, body, caller }: Context<'public', z.output<typeof verifySchema>>): Promise<Reply> {
  await verifyEmail(deps, body.token, { caller });
  return { status: 204 };
}

/** Mails the link once more: to the user of the access token, or to the address, whether or not it is anybody's. */
export async function resend({
  deps,
  principal,
  body,
}: Context<'optional-access-token', z.output<typeof resendSchema>>): Promise<Reply> {
  if (!(principal instanceof AppError)) await resendFor(deps, principal.sub);
  else if (body.email !== undefined) await resendTo(deps, body.email);
  else throw principal;
  return { status: 202 };
}
