import { z } from 'zod';
import { type Context, endpointFor } from '../endpoint.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { CheckedUser } from '../passwords/check.js';
import { passwordProof } from '../passwords/proof.js';
import type { Caller } from '../platform/caller.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { tokensIn } from '../sessions/cookies.js';
import { deviceIdOf, deviceTokenFor } from '../sessions/known-devices.js';
import { type SessionsDeps, type SessionTokens, startSession } from '../sessions/start.js';
import { tokenReply, tokenResponseSchema, transportSchema } from '../sessions/token-reply.js';
import { checkPassword, recordFailedLogin } from './guard.js';
import { countLogin } from './limits.js';

// No password policy here: a user with an old password must still get in.
const bodySchema = z
  .strictObject({
    username: z.string().trim().min(1).max(254).meta({ description: 'A username or an e-mail address.' }),
    password: z.string().min(1),
    transport: transportSchema.default('bearer'),
    device_token: z.string().max(200).optional().meta({
      description: 'From an earlier login, unless a cookie has it.',
      example: '3Pekminx9UAZogOfZs4XtMnFFqXY8OKzE',
    }),
  })
  .meta({ id: 'LogInBody', example: { username: 'ada', password: 'nine geese over a quiet lake' } });

type LogInContext = Context<CheckedUser, z.output<typeof bodySchema>>;

export const logIn = endpointFor<CheckedUser>()({
  name: 'logIn',
  summary: 'Log in with a password',
  statements: 3,
  body: bodySchema,
  reply: [200, tokenResponseSchema],
  returns: 'The user with the tokens of a new session: in the body, or as cookies if asked for.',
  headers: ['Set-Cookie'],
  errors: ['account_disabled', 'email_unverified', 'overloaded'],
  async handler(context) {
    const { deps, principal, body, cookies } = context;
    const presented = body.device_token ?? tokensIn(cookies, deps.config.cookies).device;
    const newDevice = presented === undefined || !deviceIdOf(deps.keys, principal.user, presented);
    const issued = (await start(context, principal, newDevice)) ?? (await startAgain(context, newDevice));
    if (!issued) throw new AppError('invalid_credentials');
    return tokenReply(deps, issued, body.transport, deviceTokenFor(deps.keys, issued.user, presented));
  },
});

async function start({ deps, caller }: LogInContext, checked: CheckedUser, newDevice: boolean) {
  if (checked.user.disabledAt) {
    await recordFailedLogin(deps, checked.user.id, caller, 'user_disabled');
    throw new AppError('account_disabled');
  }
  if (checked.user.pendingUntil) throw new AppError('email_unverified');
  await countLogin(deps, checked.user.id);
  return startSessionFor(deps, checked, caller, { newDevice });
}

/**
 * The user changed during the check: a new password, or the same one rehashed by another login. One more check decides.
 */
async function startAgain(context: LogInContext, newDevice: boolean) {
  const { deps, body, caller } = context;
  const checked = await checkPassword(deps, body.username, body.password, caller);
  return checked && start(context, checked, newDevice);
}

/**
 * @returns undefined if the user changed since the password check
 * @param newDevice whether to mail the user about it
 */
export async function startSessionFor(
  deps: SessionsDeps,
  { user, passwordHash }: CheckedUser,
  caller: Caller,
  { newDevice }: { newDevice: boolean },
): Promise<SessionTokens | undefined> {
  const mail = newDevice ? enqueueNotice('new_device', Prisma.sql`FROM u`, caller) : undefined;
  return startSession(deps, passwordProof(user, passwordHash), caller, mail);
}
