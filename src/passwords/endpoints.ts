import { z } from 'zod';
import { changePassword } from '../admin/user-changes.js';
import type { Context, Reply } from '../endpoint.js';
import { AppError } from '../errors.js';
import { type CheckedUser, checkPasswordOf } from '../users/users.js';
import { checkNewPassword } from './policy.js';

export const changeSchema = z.strictObject({ current_password: z.string().min(1), new_password: z.string() }).meta({
  id: 'ChangePasswordBody',
  example: { current_password: 'nine geese over a quiet lake', new_password: 'a moth between two relays' },
});

type ChangeContext = Context<'access-token', z.output<typeof changeSchema>>;

/** Sets a new password; every other session of the user ends (ASVS 6.2.3, 7.4.3). */
export async function change(context: ChangeContext): Promise<Reply> {
  const { deps, body, caller } = context;
  const checked = await checkCurrent(context);
  const objection = checkNewPassword(body.new_password, checked.user, deps.config.passwords);
  if (objection) throw new AppError('validation_failed', { errors: [{ path: 'new_password', message: objection }] });
  const passwordHash = await deps.passwords.hash(body.new_password, caller.address);
  // A login at this moment may have hashed the same password anew at a higher cost: one more check tells.
  const changed =
    (await replace(context, checked, passwordHash)) ||
    (await replace(context, await checkCurrent(context), passwordHash));
  if (!changed) throw new AppError('invalid_credentials');
  return { status: 204 };
}

async function checkCurrent({ deps, principal, body, caller }: ChangeContext): Promise<CheckedUser> {
  const checked = await checkPasswordOf(deps, principal.sub, body.current_password, caller.address);
  if (!checked) throw new AppError('invalid_credentials');
  return checked;
}

function replace({ deps, principal, caller }: ChangeContext, checked: CheckedUser, passwordHash: string) {
  return changePassword(deps, checked, passwordHash, principal.sid, { actorId: principal.sub, caller });
}
