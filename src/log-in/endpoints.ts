import { z } from 'zod';
import { type Context, endpointFor } from '../endpoint.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import type { CheckedUser } from '../passwords/check.js';
import { passwordProof } from '../passwords/proof.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { codeField, rememberField } from '../second-factor/fields.js';
import type { FullProof } from '../second-factor/given-factor.js';
import { challenge } from '../second-factor/login-attempts.js';
import { mayTrustDevices, onTrustedDevice, trusting } from '../second-factor/trusted-devices.js';
import { tokensIn } from '../sessions/cookies.js';
import { deviceIdOf, deviceTokenFor } from '../sessions/known-devices.js';
import { type Proof, type SessionTokens, startSession } from '../sessions/start.js';
import { deviceTokenField, tokenReply, tokenResponseSchema, transportSchema } from '../sessions/token-reply.js';
import { checkPassword, recordFailedLogin } from './guard.js';
import { countLogin } from './limits.js';
import { proofOf } from './second-step.js';

// No password policy here: a user with an old password must still get in.
const bodySchema = z
  .strictObject({
    username: z.string().trim().min(1).max(254).meta({ description: 'A username or an e-mail address.' }),
    password: z.string().min(1),
    code: codeField,
    remember_device: rememberField,
    transport: transportSchema.default('bearer'),
    device_token: deviceTokenField,
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

type Started = { tokens: SessionTokens; deviceToken: string; recoveryCodesLeft: number | undefined };

/**
 * @returns undefined if the user changed since the password check
 * @throws AppError second_factor_required
 */
async function start(context: LogInContext, checked: CheckedUser): Promise<Started | undefined> {
  const { deps, body, caller } = context;
  const { user, passwordHash } = checked;
  const device = deviceOf(context, user);
  const first = passwordProof(user, passwordHash);
  const proof = await proofOf(deps, { user, first, body, deviceId: device.knownId, caller });
  if (user.disabledAt) {
    await recordFailedLogin(deps, user.id, caller, 'user_disabled');
    throw new AppError('account_disabled');
  }
  if (user.pendingUntil) throw new AppError('email_unverified');
  await countLogin(deps, user.id);
  if (proof) return begin(context, proof, device);
  const spared = await beginTrusted(context, user, first, device);
  if (spared) return spared;
  const due = await challenge(deps, first, caller);
  if (due) throw due;
  return undefined;
}

/**
 * The user changed during the check: a new password, or the same one rehashed by another login. One more check decides.
 */
async function startAgain(context: LogInContext): Promise<Started | undefined> {
  const { deps, body, caller } = context;
  const checked = await checkPassword(deps, body.username, body.password, caller);
  return checked && start(context, checked);
}

/** @property knownId only if the user has signed in on it before */
type Device = { token: string; id: string; knownId: string | undefined };

function deviceOf({ deps, body, cookies }: LogInContext, user: CheckedUser['user']): Device {
  const presented = body.device_token ?? tokensIn(cookies, deps.config.cookies).device;
  const token = deviceTokenFor(deps.keys, user, presented);
  const id = deviceIdOf(deps.keys, user, token) ?? '';
  return { token, id, knownId: token === presented ? id : undefined };
}

async function beginTrusted(
  context: LogInContext,
  user: CheckedUser['user'],
  first: Proof,
  device: Device,
): Promise<Started | undefined> {
  const { knownId } = device;
  if (knownId === undefined || !mayTrustDevices(context.deps, user)) return undefined;
  return begin(context, onTrustedDevice(first, knownId), device);
}

async function begin(context: LogInContext, proof: FullProof, device: Device): Promise<Started | undefined> {
  const { deps, body, caller } = context;
  const isFull = proof.acr !== 'aal1';
  const earning = isFull && body.remember_device ? trusting(deps, proof, device.id, caller) : proof;
  const mail = device.knownId === undefined ? enqueueNotice('new_device', Prisma.sql`FROM u`, caller) : undefined;
  const isTrusted = proof.spend !== undefined && !isFull;
  const tokens = await startSession(deps, earning, caller, mail, isTrusted ? { trusted_device: true } : {});
  return tokens && { tokens, deviceToken: device.token, recoveryCodesLeft: proof.recoveryCodesLeft };
}
