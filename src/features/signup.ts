import { z } from 'zod';
import { deviceTokenFor } from '../domain/device-tokens.js';
import { checkNewPassword } from '../domain/password-policy.js';
import * as sessions from '../domain/sessions.js';
import { AppError } from '../errors.js';
import type { Context, Reply } from '../route.js';
import { emailSchema, transportSchema, usernameSchema } from '../wire.js';

export const bodySchema = z.strictObject({
  username: usernameSchema,
  password: z.string(),
  email: emailSchema.optional(),
  transport: transportSchema.default('bearer'),
});

export async function handler({ deps, body, caller }: Context<'public', z.output<typeof bodySchema>>): Promise<Reply> {
  const { config, keys, passwords } = deps;
  if (config.signup === 'closed') throw new AppError('signup_closed');
  const objection = checkNewPassword(body.password, body, config.passwords);
  if (objection) throw new AppError('validation_failed', { errors: [{ path: 'password', message: objection }] });
  const passwordHash = await passwords.hash(body.password, caller.address);
  const issued = await sessions.signUp(deps, { username: body.username, email: body.email, passwordHash }, caller);
  const deviceToken = deviceTokenFor(keys, issued.user.id, undefined);
  return { status: 201, tokens: { issued, transport: body.transport, deviceToken } };
}
