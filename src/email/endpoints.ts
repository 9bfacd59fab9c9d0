import { z } from 'zod';
import type { Context, Reply } from '../endpoint.js';
import { AppError } from '../errors.js';
import { emailSchema, mailTokenSchema } from '../platform/http/fields.js';
import { resendFor, resendTo, verifyEmail } from './addresses.js';

export const verifySchema = z
  .strictObject({ token: mailTokenSchema })
  .meta({ id: 'VerifyEmailBody', example: { token: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo' } });

export const resendSchema = z
  .strictObject({ email: emailSchema.optional().meta({ description: 'Needed without an access token.' }) })
  .meta({ id: 'ResendVerificationBody', example: { email: 'ada@example.com' } })
  .default({});

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
