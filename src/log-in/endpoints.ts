import { z } from 'zod';
import type { Context, Reply } from '../endpoint.js';
import { AppError } from '../errors.js';
import { transportSchema } from '../platform/http/fields.js';
import * as sessions from '../sessions/start.js';
import { type CheckedUser, checkPassword, recordFailedLogin } from '../users/users.js';
import { deviceIdOf, deviceTokenFor } from './known-devices.js';

// No policy here: whoever has an old or odd password must still get in with it.
export const bodySchema = z
  .strictObject({
    username: z.string().min(1).max(254).meta({ description: 'A username or an e-mail address.' }),
    password: z.string().min(1),
    transport: transportSchema.default('bearer'),
    device_token: z.string().max(200).optional().meta({ description: 'Of an earlier login, where no cookie has it.' }),
  })
  .meta({ id: 'LogInBody', example: { username: 'ada', password: 'nine geese over a quiet lake' } });

type LoginContext = Context<'password', z.output<typeof bodySchema>>;

export async function handler(context: LoginContext): Promise<Reply> {
  const { deps, principal, body, cookies } = context;
  const presented = body.device_token ?? cookies.device;
  const newDevice = presented === undefined || !deviceIdOf(deps.keys, principal.user.id, presented);
  const issued = (await logIn(context, principal, newDevice)) ?? (await logInAgain(context, newDevice));
  if (!issued) throw new AppError('invalid_credentials');
  const deviceToken = deviceTokenFor(deps.keys, issued.user.id, presented);
  return { status: 200, tokens: { issued, transport: body.transport, deviceToken } };
}

async function logIn({ deps, caller }: LoginContext, checked: CheckedUser, newDevice: boolean) {
  if (checked.user.disabledAt) {
    await recordFailedLogin(deps, checked.user.id, caller, 'user_disabled');
    throw new AppError('account_disabled');
  }
  if (checked.user.pendingUntil) throw new AppError('email_unverified');
  return sessions.logIn(deps, checked, caller, { newDevice });
}

/**
 * The user changed between the check of the password and now. That may be a change of password, but also another
 * login that hashed the same password anew at a higher cost: one more check tells.
 */
async function logInAgain(context: LoginContext, newDevice: boolean) {
  const { deps, body, caller } = context;
  const checked = await checkPassword(deps, body.username, body.password, caller);
  return checked && logIn(context, checked, newDevice);
}
