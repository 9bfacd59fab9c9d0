import { z } from 'zod';
import { endpointFor, openEndpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import { askBeforeLogIn } from '../log-in/before.js';
import { countLogin } from '../log-in/limits.js';
import { enqueueNotice } from '../platform/outbox/outbox.js';
import { presentedDevice } from '../sessions/cookies.js';
import { deviceIdOf, deviceTokenFor } from '../sessions/known-devices.js';
import { startSession } from '../sessions/start.js';
import { deviceTokenField, tokenReply, tokenResponseSchema, transportSchema } from '../sessions/token-reply.js';
import { assertionExample, assertionSchema } from './answers.js';
import { challengeTtl, newChallenge } from './challenge.js';
import { signInProof } from './guard.js';
import type { PasskeyProof } from './sign-in.js';

const optionsSchema = z
  .object({
    options: z.object({
      challenge: z.string(),
      rpId: z.string(),
      timeout: z.int().meta({ description: 'In milliseconds.' }),
      userVerification: z.literal('required'),
    }),
    expires_in: z.int().meta({ description: 'In seconds. A page that waits longer asks again.' }),
  })
  .meta({
    id: 'PasskeyOptions',
    description: '`options` is what `PublicKeyCredential.parseRequestOptionsFromJSON` takes.',
    example: {
      options: {
        challenge: '2vGq0c1tPzL8aRkBn4Yd7Q',
        rpId: 'example.com',
        timeout: 600_000,
        userVerification: 'required',
      },
      expires_in: 600,
    },
  });

/** The same for all but the challenge: it names no passkeys, so it tells nothing of any user. */
export const signInOptions = openEndpoint({
  name: 'getPasskeyOptions',
  summary: 'Get a challenge for a passkey',
  statements: 0,
  reply: [200, optionsSchema],
  returns: 'What the browser or phone needs to ask for a passkey: to sign in, as a second factor, or as a step-up.',
  handler({ deps }) {
    const { rpId } = deps.config.passkeys;
    const challenge = newChallenge(deps.keys, 'sign-in');
    const options = { challenge, rpId, timeout: challengeTtl * 1000, userVerification: 'required' as const };
    return { body: { options, expires_in: challengeTtl } };
  },
});

const bodySchema = z
  .strictObject({
    passkey: assertionSchema,
    transport: transportSchema.default('bearer'),
    device_token: deviceTokenField,
  })
  .meta({ id: 'LogInWithPasskeyBody', example: { passkey: assertionExample } });

export const logInWithPasskey = endpointFor<PasskeyProof>()({
  name: 'logInWithPasskey',
  summary: 'Log in with a passkey',
  statements: 3,
  body: bodySchema,
  reply: [200, tokenResponseSchema],
  returns: 'The user with the tokens of a new session: in the body, or as cookies if asked for.',
  headers: ['Set-Cookie'],
  errors: ['login_refused'],
  async handler({ deps, principal, body, cookies, caller }) {
    const presented = presentedDevice(deps, body, cookies);
    const start = async (proof: PasskeyProof) => {
      await askBeforeLogIn(deps, proof.user, { by: 'passkey', provider: undefined, captchaToken: undefined }, caller);
      const owner = { id: proof.userId, epoch: proof.epoch };
      const isKnown = deviceIdOf(deps.keys, owner, presented) !== undefined;
      const mail = isKnown ? undefined : enqueueNotice('new_device', Prisma.sql`FROM u`, caller);
      return startSession(deps, proof, caller, mail);
    };
    await countLogin(deps, principal, undefined);
    // The user, the passkey or the challenge changed meanwhile: one more look decides.
    const issued = (await start(principal)) ?? (await start(await signInProof(deps, body.passkey, caller)));
    if (!issued) throw new AppError('invalid_credentials');
    return tokenReply(deps, issued, body.transport, deviceTokenFor(deps.keys, issued.user, presented));
  },
});
