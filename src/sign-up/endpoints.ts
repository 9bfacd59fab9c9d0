import { z } from 'zod';
import { type Context, openEndpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { requireGoodPassword } from '../passwords/policy.js';
import { deviceTokenFor } from '../sessions/known-devices.js';
import { tokenReply, tokenResponseSchema, transportSchema } from '../sessions/token-reply.js';
import { emailSchema, requireKnownDomain, usernameSchema } from '../users/fields.js';
import { userJson, userSchema } from '../users/json.js';
import { keepSignUp } from './pending.js';
import * as signUps from './sign-up.js';

const bodySchema = z
  .strictObject({
    username: usernameSchema,
    password: z.string(),
    email: emailSchema.optional(),
    transport: transportSchema.default('bearer'),
  })
  .meta({
    id: 'SignUpBody',
    example: { username: 'ada', password: 'nine geese over a quiet lake', email: 'ada@example.com' },
  });

export const pendingSchema = z
  .object({ user: userSchema, status: z.literal('verification_sent') })
  .meta({ id: 'PendingSignUp', description: 'With `SIGNUP=verified`: no tokens until the mailed link is opened.' });

const replySchema = z
  .union([tokenResponseSchema, pendingSchema])
  .meta({ example: tokenResponseSchema.meta()?.example });

export const signUp = openEndpoint({
  name: 'signUp',
  summary: 'Sign up and start a session',
  statements: 1,
  body: bodySchema,
  reply: [201, replySchema],
  returns:
    'The new user with the tokens of a first session. With `SIGNUP=verified`: the user without tokens, and a mail is on its way.',
  headers: ['Set-Cookie'],
  errors: ['username_taken', 'email_taken', 'signup_closed', 'overloaded'],
  async handler({ deps, body, caller }) {
    const { signup, passwords } = deps.config;
    if (signup === 'closed') throw new AppError('signup_closed');
    const { username, email } = body;
    if (email !== undefined) requireKnownDomain(email, deps.config.mail.localDomains);
    requireGoodPassword('password', body.password, body, passwords);
    if (signup === 'verified' && email === undefined)
      throw new AppError('validation_failed', { errors: [{ path: 'email', message: 'An e-mail address is needed.' }] });
    const passwordHash = await deps.passwords.hash(body.password, caller);
    if (signup === 'verified' && email !== undefined) return keep(deps, { username, email, passwordHash });
    const issued = await signUps.signUp(deps, { username, email, passwordHash }, caller);
    return tokenReply(deps, issued, body.transport, deviceTokenFor(deps.keys, issued.user));
  },
});

type SignUpDeps = Context<undefined>['deps'];

/** The same response whether or not a user has the address. It counts once the link is opened. */
async function keep(deps: SignUpDeps, wanted: { username: string; email: string; passwordHash: string }) {
  const user = await keepSignUp(deps, wanted);
  if (!user) throw new Error('An INSERT returned nothing');
  return { body: { user: { ...userJson(user), email: wanted.email }, status: 'verification_sent' as const } };
}
