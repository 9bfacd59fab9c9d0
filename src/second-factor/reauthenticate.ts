import { z } from 'zod';
import { type Context, type Endpoint, endpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { checkPasswordOf } from '../passwords/check.js';
import { passwordProof } from '../passwords/proof.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { presentedDevice, tokensIn } from '../sessions/cookies.js';
import { deviceIdOf } from '../sessions/known-devices.js';
import type { Proof } from '../sessions/start.js';
import { stepUpSession } from '../sessions/step-up.js';
import { deviceTokenField, steppedUpReply, steppedUpSchema } from '../sessions/token-reply.js';
import { findById, type User } from '../users/users.js';
import { checkCode } from './check-code.js';
import { codeKind } from './code-kind.js';
import { factorsOf } from './factors.js';
import { codeField, passkeyField } from './fields.js';
import { type CheckPasskey, givenByPasskey, withSecondFactor } from './given-factor.js';

const bodySchema = z
  .strictObject({
    password: z.string().min(1).optional(),
    code: codeField.meta({
      description:
        'With the password, where the second factor is on; also where it is off, that of an authenticator app counts.',
      example: '287082',
    }),
    passkey: passkeyField,
    device_token: deviceTokenField,
  })
  .refine(
    ({ password, code, passkey }) =>
      passkey === undefined ? password !== undefined : password === undefined && code === undefined,
    { path: ['password'], message: 'Send either password, with a code where one is due, or passkey.' },
  )
  .meta({ id: 'ReauthenticateBody', example: { password: 'nine geese over a quiet lake', code: '287082' } });

type ReauthenticateContext = Context<AccessClaims, z.output<typeof bodySchema>>;

/**
 * The full proof again, within a session. A trusted device spares nothing here.
 * @param checkPasskey without it no passkey is right
 */
export function reauthenticateBy(checkPasskey?: CheckPasskey): Endpoint<AccessClaims> {
  return endpoint({
    name: 'reauthenticate',
    summary: 'Prove again who you are',
    statements: 3,
    body: bodySchema,
    reply: [200, steppedUpSchema],
    returns: 'A new access token of the same session, the way that the old one came. The refresh token stays.',
    headers: ['Set-Cookie'],
    errors: ['invalid_credentials', 'invalid_code', 'challenge_expired', 'account_disabled', 'overloaded'],
    async handler(context) {
      const { deps, principal, body, cookies, caller } = context;
      const user = await findById(deps, principal.sub);
      // The user was deleted a moment ago, so the session has ended.
      if (!user) throw new AppError('session_revoked');
      const proof = body.passkey
        ? await byPasskey(context, user, body.passkey, checkPasskey)
        : await byPassword(context, user);
      const steppedUp = await stepUpSession(deps, principal.sid, proof, caller);
      // The user changed meanwhile, or someone was faster with the code or the challenge.
      if (!steppedUp) throw new AppError(lossOf(proof));
      const { accessToken } = tokensIn(cookies, deps.config.cookies);
      return steppedUpReply(deps, steppedUp, accessToken === undefined ? 'bearer' : 'cookie');
    },
  });
}

function lossOf({ amr, spend }: Proof) {
  if (!spend) return 'invalid_credentials';
  return amr.includes('pwd') ? 'invalid_code' : 'challenge_expired';
}

async function byPassword(context: ReauthenticateContext, found: User): Promise<Proof> {
  const { deps, principal, body, cookies, caller } = context;
  const { user, passwordHash } = await checkPasswordOf(deps, found, principal.sid, body.password ?? '', caller);
  const first = passwordProof(user, passwordHash);
  const { code } = body;
  const isOff = user.secondFactor === 'off';
  // Recovery codes take the place of a second factor that is on.
  if (isOff && codeKind(code ?? '') !== 'totp') return first;
  if (code === undefined) throw new AppError('invalid_code', { detail: 'Send a code, too.' });
  const device = presentedDevice(deps, body, cookies);
  const deviceId = deviceIdOf(deps.keys, user, device);
  const factors = await factorsOf(deps, user.id, code, deviceId);
  if (isOff && factors.totps.length === 0) return first;
  const session = { session_id: principal.sid };
  const given = await checkCode(deps, { user, factors, code, deviceId, caller, session });
  if (!given) throw new AppError('invalid_code');
  return withSecondFactor(first, given);
}

/** A passkey is both factors. */
async function byPasskey(
  { deps, caller }: ReauthenticateContext,
  { id, epoch }: User,
  passkey: object,
  checkPasskey: CheckPasskey | undefined,
): Promise<Proof> {
  const nothing: Proof = { userId: id, epoch, amr: [], acr: 'aal1' };
  return withSecondFactor(nothing, await givenByPasskey(deps, checkPasskey, passkey, id, caller));
}
