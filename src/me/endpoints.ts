import { z } from 'zod';
import { deleteUser } from '../admin/user-changes.js';
import type { Context, Reply } from '../endpoint.js';
import { AppError } from '../errors.js';
import { emailSchema, usernameSchema } from '../platform/http/fields.js';
import { userOnTheWire } from '../sessions/json.js';
import { checkPasswordOf, findById } from '../users/users.js';
import { changeProfile } from './profile.js';

export const updateSchema = z
  .strictObject({
    username: usernameSchema.optional(),
    email: emailSchema.optional(),
    password: z.string().min(1).optional().meta({ description: 'Needed for another e-mail.' }),
  })
  .meta({ id: 'UpdateMeBody', example: { email: 'ada@example.org', password: 'nine geese over a quiet lake' } })
  .default({});

export const deleteSchema = z
  .strictObject({ password: z.string().min(1) })
  .meta({ id: 'DeleteMeBody', example: { password: 'nine geese over a quiet lake' } });

export async function show({ deps, principal }: Context<'access-token'>): Promise<Reply> {
  const user = await findById(deps, principal.sub);
  // Deleted a moment ago: the session has ended with the user.
  if (!user) throw new AppError('session_revoked');
  return { status: 200, body: userOnTheWire(user) };
}

/**
 * Changes the username, and asks for a change of e-mail, which takes the password (ASVS 7.5.1). The answer shows the
 * address that counts, which is the former one until the mailed link is opened.
 */
export async function update(context: Context<'access-token', z.output<typeof updateSchema>>): Promise<Reply> {
  const { deps, principal, body, caller } = context;
  const email = body.email === undefined ? undefined : { address: body.email, checked: await recheck(context) };
  const user = await changeProfile(deps, principal.sub, { username: body.username, email }, caller);
  if (!user) throw new AppError('session_revoked');
  return { status: 200, body: userOnTheWire(user) };
}

async function recheck({ deps, principal, body, caller }: Context<'access-token', z.output<typeof updateSchema>>) {
  if (body.password === undefined)
    throw new AppError('validation_failed', {
      errors: [{ path: 'password', message: 'A change of e-mail needs the password.' }],
    });
  const checked = await checkPasswordOf(deps, principal.sub, body.password, caller.address);
  if (!checked) throw new AppError('invalid_credentials');
  return checked;
}

/** Deletes the user and all that is theirs; their tokens are refused from now on. */
export async function remove(context: Context<'access-token', z.output<typeof deleteSchema>>): Promise<Reply> {
  const { deps, principal, body, caller } = context;
  const checked = await checkPasswordOf(deps, principal.sub, body.password, caller.address);
  if (!checked) throw new AppError('invalid_credentials');
  await deleteUser(deps, principal.sub, { actorId: principal.sub, caller });
  return { status: 204, clearTokens: true };
}
