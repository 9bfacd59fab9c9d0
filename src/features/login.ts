import { z } from 'zod';
import { deviceTokenFor } from '../domain/device-tokens.js';
import * as sessions from '../domain/sessions.js';
import { type CheckedUser, checkPassword } from '../domain/users.js';
import { AppError } from '../errors.js';
import type { Context, Reply } from '../route.js';
import { transportSchema } from '../wire.js';

// No policy here: whoever has an old or odd password must still get in with it.
export const bodySchema = z.strictObject({
  username: z.string().min(1).max(254),
  password: z.string().min(1),
  transport: transportSchema.default('bearer'),
  device_token: z.string().max(200).optional(),
});

type LoginContext = Context<'password', z.output<typeof bodySchema>>;

export async function handler(context: LoginContext): Promise<Reply> {
  const { deps, principal, body, cookies } = context;
  const issued = (await logIn(context, principal)) ?? (await logInAgain(context));
  if (!issued) throw new AppError('invalid_credentials');
  const deviceToken = deviceTokenFor(deps.keys, issued.user.id, body.device_token ?? cookies.device);
  return { status: 200, tokens: { issued, transport: body.transport, deviceToken } };
}

async function logIn({ deps, caller }: LoginContext, checked: CheckedUser) {
  if (checked.user.disabledAt) throw new AppError('account_disabled');
  return sessions.logIn(deps, checked, caller);
}

/**
 * The user changed between the check of the password and now. That may be a change of password, but also another
 * login that hashed the same password anew at a higher cost: one more check tells.
 */
async function logInAgain(context: LoginContext) {
  const { deps, body, caller } = context;
  const checked = await checkPassword(deps, body.username, body.password, caller.address);
  return checked && logIn(context, checked);
}
