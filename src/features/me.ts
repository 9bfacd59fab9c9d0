import { z } from 'zod';
import { deleteUser } from '../domain/user-changes.js';
import { checkPasswordOf, findById } from '../domain/users.js';
import { AppError } from '../errors.js';
import type { Context, Reply } from '../route.js';
import { userOnTheWire } from '../wire.js';

export const deleteSchema = z.strictObject({ password: z.string().min(1) });

export async function show({ deps, principal }: Context<'access-token'>): Promise<Reply> {
  const user = await findById(deps, principal.sub);
  // Deleted a moment ago: the session has ended with the user.
  if (!user) throw new AppError('session_revoked');
  return { status: 200, body: userOnTheWire(user) };
}

/** Deletes the user and all that is theirs; their tokens are refused from now on. */
export async function remove(context: Context<'access-token', z.output<typeof deleteSchema>>): Promise<Reply> {
  const { deps, principal, body, caller } = context;
  const checked = await checkPasswordOf(deps, principal.sub, body.password, caller.address);
  if (!checked) throw new AppError('invalid_credentials');
  await deleteUser(deps, principal.sub, { actorId: principal.sub, caller });
  return { status: 204, clearTokens: true };
}
