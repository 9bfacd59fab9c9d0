import { z } from 'zod';
import { deviceTokenFor } from '../domain/device-tokens.js';
import * as sessions from '../domain/sessions.js';
import { checkPassword } from '../domain/users.js';
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
  const { deps, principal, body, caller, cookies } = context;
  if (principal.user.disabledAt) throw new AppError('account_disabled');
  const issued = (await sessions.logIn(deps, principal, caller)) ?? (await logInAgain(context));
  if (!issued) throw new AppError('invalid_credentials');
  const deviceToken = deviceTokenFor(deps.keys, issued.user.id, body.device_token ?? cookies.device);
  return { status: 200, tokens: { issued, transport: body.transport, deviceToken } };
}

/**
 * The hash changed between its check and now. That may be a change of password, but also another login that
 * hashed the same password anew at a higher cost: one more check tells.
 */
async function logInAgain({ deps, body, caller }: LoginContext) {
  const checked = await checkPassword(deps, body.username, body.password, caller.address);
  return checked && sessions.logIn(deps, checked, caller);
}
