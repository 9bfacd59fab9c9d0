import { z } from 'zod';
import { endpointFor } from '../endpoint.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { presentedDevice } from '../sessions/cookies.js';
import { deviceIdOf, deviceTokenFor } from '../sessions/known-devices.js';
import { startSession } from '../sessions/start.js';
import { deviceTokenField, tokenReply, tokenResponseSchema, transportSchema } from '../sessions/token-reply.js';
import { codeField, passkeyField, rememberField } from './fields.js';
import type { BothFactors } from './guard.js';
import { trusting } from './trusted-devices.js';

const bodySchema = z
  .strictObject({
    login_token: z.string().min(1).max(100),
    code: codeField,
    passkey: passkeyField,
    remember_device: rememberField,
    transport: transportSchema.default('bearer'),
    device_token: deviceTokenField,
  })
  .refine(({ code, passkey }) => (code === undefined) !== (passkey === undefined), {
    path: ['code'],
    message: 'Send either code or passkey.',
  })
  .meta({
    id: 'SecondFactorBody',
    example: { login_token: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo', code: '287082' },
  });

export const giveSecondFactor = endpointFor<BothFactors>()({
  name: 'giveSecondFactor',
  summary: 'Finish a login with the second factor',
  statements: 3,
  body: bodySchema,
  reply: [200, tokenResponseSchema],
  returns: 'The user with the tokens of a new session: in the body, or as cookies if asked for.',
  headers: ['Set-Cookie'],
  async handler({ deps, principal: { user, proof, isByPasskey }, body, cookies, caller }) {
    const presented = presentedDevice(deps, body, cookies);
    const deviceToken = deviceTokenFor(deps.keys, user, presented);
    const deviceId = deviceIdOf(deps.keys, user, deviceToken);
    const mail = deviceToken === presented ? undefined : enqueueNotice('new_device', Prisma.sql`FROM u`, caller);
    const earning = body.remember_device && deviceId ? trusting(deps, proof, deviceId, caller) : proof;
    const issued = await startSession(deps, earning, caller, mail);
    // Someone was faster with the login token, the code or the challenge, or the user changed.
    if (!issued) throw new AppError(isByPasskey ? 'challenge_expired' : 'login_expired');
    return tokenReply(deps, issued, body.transport, deviceToken, proof.recoveryCodesLeft);
  },
});
