import { z } from 'zod';
import { mailTokenSchema } from '../email/one-time-tokens.js';
import { type Context, openEndpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { captchaTokenField } from '../hooks/fields.js';
import { requireGoodPassword } from '../passwords/policy.js';
import type { Caller } from '../platform/caller.js';
import { deviceTokenFor } from '../sessions/known-devices.js';
import { tokenReply, tokenResponseSchema, transportSchema } from '../sessions/token-reply.js';
import { emailSchema, requireKnownDomain, usernameSchema } from '../users/fields.js';
import { userJson, userSchema } from '../users/json.js';
import { canonical } from '../users/users.js';
import { keepSignUp } from './pending.js';
import * as signUps from './sign-up.js';

const bodySchema = z
  .strictObject({
    username: usernameSchema,
    password: z.string(),
    email: emailSchema.optional(),
    transport: transportSchema.default('bearer'),
    captcha_token: captchaTokenField,
    invitation: mailTokenSchema.optional().meta({
      description:
        'The token of an invitation. The e-mail is the invitation’s; tokens come at once, whatever `SIGNUP` says.',
      example: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo',
    }),
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

/** @param findInvitation undefined: there are none */
export const signUpBy = (findInvitation?: signUps.FindInvitation) =>
  openEndpoint({
    name: 'signUp',
    summary: 'Sign up and start a session',
    // One without an invitation: it is looked at before the hash, and again where the user is made.
    statements: 3,
    body: bodySchema,
    reply: [201, replySchema],
    returns:
      'The new user with the tokens of a first session. With `SIGNUP=verified`: the user without tokens, and a mail is on its way.',
    headers: ['Set-Cookie'],
    errors: [
      'username_taken',
      'email_taken',
      'signup_closed',
      'signup_refused',
      'invalid_one_time_token',
      'overloaded',
    ],
    async handler({ deps, body, caller }) {
      if (body.invitation !== undefined) return accept(deps, body, body.invitation, caller, findInvitation);
      const { signup, passwords } = deps.config;
      if (signup === 'closed') throw new AppError('signup_closed');
      const { username, email } = body;
      if (email !== undefined) requireKnownDomain(email, deps.config.mail.localDomains);
      requireGoodPassword('password', body.password, body, passwords);
      if (signup === 'verified' && email === undefined) throw wrongEmail('An e-mail address is needed.');
      await beforeSignUp(deps, body, 'password', email, caller);
      const passwordHash = await deps.passwords.hash(body.password, caller);
      if (signup === 'verified' && email !== undefined) return keep(deps, { username, email, passwordHash });
      const issued = await signUps.signUp(deps, { username, email, passwordHash }, caller);
      return tokenReply(deps, issued, body.transport, deviceTokenFor(deps.keys, issued.user));
    },
  });

type SignUpDeps = Context<undefined>['deps'];

/** A wrong invitation costs no hash. */
async function accept(
  deps: SignUpDeps,
  body: z.output<typeof bodySchema>,
  token: string,
  caller: Caller,
  findInvitation?: signUps.FindInvitation,
) {
  const { username, email, password, transport } = body;
  const find = () => {
    if (!findInvitation) throw new AppError('invalid_one_time_token');
    return findInvitation(deps, token);
  };
  const invited = await find();
  if (email !== undefined && canonical(email) !== canonical(invited.email))
    throw wrongEmail('The invitation is for another address: leave the e-mail out.');
  requireGoodPassword('password', password, { username, email: invited.email }, deps.config.passwords);
  await beforeSignUp(deps, body, 'invitation', invited.email, caller);
  const passwordHash = await deps.passwords.hash(password, caller);
  const issued = await signUps.signUpInvited(deps, { username, passwordHash }, find, caller);
  return tokenReply(deps, issued, transport, deviceTokenFor(deps.keys, issued.user));
}

/** Before it is known whether the name or the address is taken, so a refusal does not tell. */
function beforeSignUp(
  { hooks }: SignUpDeps,
  { username, captcha_token: captchaToken }: z.output<typeof bodySchema>,
  by: 'password' | 'invitation',
  email: string | undefined,
  caller: Caller,
): Promise<void> {
  return hooks.beforeSignUp({ username, email, by, provider: undefined, captchaToken, caller });
}

function wrongEmail(message: string): AppError {
  return new AppError('validation_failed', { errors: [{ path: 'email', message }] });
}

/** The same response whether or not a user has the address. It counts once the link is opened. */
async function keep(deps: SignUpDeps, wanted: { username: string; email: string; passwordHash: string }) {
  const user = await keepSignUp(deps, wanted);
  if (!user) throw new Error('An INSERT returned nothing');
  return { body: { user: { ...userJson(user), email: wanted.email }, status: 'verification_sent' as const } };
}
