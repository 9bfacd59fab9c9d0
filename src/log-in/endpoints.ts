import { z } from 'zod';
import { type Context, endpointFor } from '../endpoint.js';
import { AppError } from '../errors.js';
import { captchaTokenField } from '../hooks/fields.js';
import { type CheckedUser, upgradeHash } from '../passwords/check.js';
import { passwordProof } from '../passwords/proof.js';
import { codeField, rememberField } from '../second-factor/fields.js';
import { presentedDevice } from '../sessions/cookies.js';
import { deviceTokenField, tokenReply, tokenResponseSchema, transportSchema } from '../sessions/token-reply.js';
import { checkPassword } from './guard.js';
import { proofOf } from './second-step.js';
import { deviceOf, type SignedIn, signIn } from './sign-in.js';

// No password policy here: a user with an old password must still get in.
const bodySchema = z
  .strictObject({
    username: z.string().trim().min(1).max(254).meta({ description: 'A username or an e-mail address.' }),
    password: z.string().min(1),
    code: codeField,
    remember_device: rememberField,
    transport: transportSchema.default('bearer'),
    device_token: deviceTokenField,
    captcha_token: captchaTokenField,
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
  errors: ['second_factor_required', 'account_disabled', 'email_unverified', 'overloaded'],
  async handler(context) {
    const { deps, principal, body } = context;
    const started = (await start(context, principal)) ?? (await startAgain(context));
    if (!started) throw new AppError('invalid_credentials');
    return tokenReply(deps, started.tokens, body.transport, started.deviceToken, started.recoveryCodesLeft);
  },
});

/**
 * @returns undefined if the user changed since the password check
 * @throws as {@link signIn}
 */
async function start(
  { deps, body, cookies, caller }: LogInContext,
  checked: CheckedUser,
): Promise<SignedIn | undefined> {
  const { user, passwordHash } = checked;
  const device = deviceOf(deps, user, presentedDevice(deps, body, cookies));
  const first = passwordProof(user, passwordHash);
  const proof = await proofOf(deps, { user, first, body, deviceId: device.knownId, caller });
  const remembers = body.remember_device === true;
  const upgrade = () => upgradeHash(deps, checked, body.password, caller);
  const how = { by: 'password', provider: undefined, captchaToken: body.captcha_token } as const;
  const signedIn = await signIn(deps, { user, first, proof, device, remembers, how, caller }).catch(async (error) => {
    if (error instanceof AppError && error.code === 'second_factor_required') await upgrade();
    throw error;
  });
  if (signedIn) await upgrade();
  return signedIn;
}

/**
 * The user changed during the check: a new password, or the same one rehashed by another login. One more check decides.
 */
async function startAgain(context: LogInContext): Promise<SignedIn | undefined> {
  const { deps, body, caller } = context;
  const checked = await checkPassword(deps, body.username, body.password, caller);
  return checked && start(context, checked);
}
