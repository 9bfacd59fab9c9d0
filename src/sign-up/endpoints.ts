import { z } from 'zod';
import type { Deps } from '../deps.js';
import type { Context, Reply } from '../endpoint.js';
import { AppError } from '../errors.js';
import { deviceTokenFor } from '../log-in/known-devices.js';
import { checkNewPassword } from '../passwords/policy.js';
import { emailSchema, transportSchema, usernameSchema } from '../platform/http/fields.js';
import { tokenResponseSchema, userOnTheWire, userSchema } from '../sessions/json.js';
import * as sessions from '../sessions/start.js';
import { keepSignup } from './pending.js';

export const bodySchema = z
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

/** What `SIGNUP=verified` answers instead of tokens. */
export const pendingSchema = z
  .object({ user: userSchema, status: z.literal('verification_sent') })
  .meta({ id: 'PendingSignUp', description: 'With `SIGNUP=verified`: no tokens until the mailed link is opened.' });

export const replySchema = z
  .union([tokenResponseSchema, pendingSchema])
  .meta({ example: tokenResponseSchema.meta()?.example });

export async function handler({ deps, body, caller }: Context<'public', z.output<typeof bodySchema>>): Promise<Reply> {
  const { config, keys, passwords } = deps;
  if (config.signup === 'closed') throw new AppError('signup_closed');
  const objection = checkNewPassword(body.password, body, config.passwords);
  if (objection) throw new AppError('validation_failed', { errors: [{ path: 'password', message: objection }] });
  const { email } = body;
  if (config.signup === 'verified' && email === undefined)
    throw new AppError('validation_failed', { errors: [{ path: 'email', message: 'An e-mail address is needed.' }] });
  const passwordHash = await passwords.hash(body.password, caller.address);
  if (config.signup === 'verified' && email !== undefined) return pending(deps, { ...body, email, passwordHash });
  const issued = await sessions.signUp(deps, { username: body.username, email: body.email, passwordHash }, caller);
  const deviceToken = deviceTokenFor(keys, issued.user.id, undefined);
  return { status: 201, tokens: { issued, transport: body.transport, deviceToken } };
}

/** The same answer, whoever has that address: it shows what was typed, and counts once the mailed link is opened. */
async function pending(deps: Deps, wanted: { username: string; email: string; passwordHash: string }): Promise<Reply> {
  const user = await keepSignup(deps, wanted);
  return { status: 201, body: { user: { ...userOnTheWire(user), email: wanted.email }, status: 'verification_sent' } };
}
