import { z } from 'zod';
import type { Context, Reply } from '../endpoint.js';
import { AppError } from '../errors.js';
import { emailSchema, mailTokenSchema } from '../platform/http/fields.js';
import { checkNewPassword } from './policy.js';
import { askForReset, resetPassword, userToReset } from './reset.js';

export const forgotSchema = z
  .strictObject({ email: emailSchema })
  .meta({ id: 'ForgotPasswordBody', example: { email: 'ada@example.com' } });

export const resetSchema = z.strictObject({ token: mailTokenSchema, password: z.string() }).meta({
  id: 'ResetPasswordBody',
  example: { token: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo', password: 'a moth between two relays' },
});

/** The same answer, and the same work until it is given, whether or not the address is anybody's (ASVS 6.3.8). */
export async function forgot({ deps, body }: Context<'public', z.output<typeof forgotSchema>>): Promise<Reply> {
  await askForReset(deps, body.email);
  return { status: 202 };
}

/** Sets a new password by a mailed token, and ends every session. A token that is none costs no hash. */
export async function reset({ deps, body, caller }: Context<'public', z.output<typeof resetSchema>>): Promise<Reply> {
  const user = await userToReset(deps, body.token);
  const objection = checkNewPassword(body.password, user, deps.config.passwords);
  if (objection) throw new AppError('validation_failed', { errors: [{ path: 'password', message: objection }] });
  const passwordHash = await deps.passwords.hash(body.password, caller.address);
  await resetPassword(deps, user.id, body.token, passwordHash, { actorId: user.id, caller });
  return { status: 204 };
}
