import { z } from 'zod';
import { endpointFor, openEndpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { formPage } from '../platform/http/page.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { emailSchema, usernameSchema } from '../users/fields.js';
import { resendFor, resendTo, verifyEmail } from './addresses.js';
import { mailTokenSchema } from './one-time-tokens.js';

const verifySchema = z
  .strictObject({
    token: mailTokenSchema,
    password: z.string().min(1).optional().meta({
      description: 'Needed if someone else signed up with the same address: a 422 then says whose password.',
      example: 'nine geese over a quiet lake',
    }),
  })
  .meta({ id: 'VerifyEmailBody', example: { token: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo' } });

const resendSchema = z
  .strictObject({
    email: emailSchema.optional().meta({ description: 'Needed without an access token.' }),
    username: usernameSchema.optional().meta({ description: 'Whose link, if several signed up with the address.' }),
  })
  .meta({ id: 'ResendVerificationBody', example: { email: 'ada@example.com' } })
  .default({});

/** Starts no session (ASVS 7.6.2). */
export const verify = openEndpoint({
  name: 'verifyEmail',
  summary: 'Verify an e-mail address by a mailed token',
  statements: 10,
  body: verifySchema,
  reply: [204],
  returns: 'The address is verified; a new one counts from now on.',
  errors: ['invalid_one_time_token', 'invalid_credentials', 'overloaded'],
  async handler({ deps, body, caller }) {
    await verifyEmail(deps, body, caller);
    return {};
  },
});

export const resend = endpointFor<AccessClaims | AppError>()({
  name: 'resendVerification',
  summary: 'Send the verification mail again',
  statements: 1,
  body: resendSchema,
  reply: [202],
  returns: 'Always this: if an address waits to be verified, a mail is on its way.',
  async handler({ deps, principal, body }) {
    if (!(principal instanceof AppError)) await resendFor(deps, principal.sub);
    else if (body.email !== undefined) await resendTo(deps, body.email, body.username);
    else throw principal;
    return {};
  },
});

export const verifyPage = openEndpoint({
  name: 'showVerifyEmailPage',
  summary: 'The page behind the link in a verification mail',
  statements: 0,
  reply: [200, 'text/html'],
  returns: 'A page whose button confirms the address. It does not use up the token.',
  handler: () =>
    formPage('Confirm your e-mail address', {
      form: `<label hidden>Password <input name="password" type="password" autocomplete="current-password" required disabled></label>
<button>Confirm the address</button>`,
      target: 'auth/email/verify',
      done: 'The address is confirmed. You can close this page.',
    }),
});
