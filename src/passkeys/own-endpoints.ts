import { z } from 'zod';
import { endpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { requireProof } from '../passwords/proof.js';
import { textSchema } from '../platform/http/fields.js';
import { recoveryCodesSchema } from '../second-factor/json.js';
import { proofSchema } from '../second-factor/proof-body.js';
import { removeMethod } from '../second-factor/remove.js';
import { enrolmentExample, enrolmentSchema } from './answers.js';
import { challengeTtl } from './challenge.js';
import { creationOptions, enrolPasskey, renamePasskey } from './enrol.js';
import { passkeyExample, passkeyJson, passkeySchema } from './json.js';

const publicKey = z.literal('public-key');

const optionsSchema = z
  .object({
    options: z.object({
      challenge: z.string(),
      rp: z.object({ id: z.string(), name: z.string() }),
      user: z.object({ id: z.string(), name: z.string(), displayName: z.string() }),
      pubKeyCredParams: z.array(z.object({ type: publicKey, alg: z.int() })),
      timeout: z.int().meta({ description: 'In milliseconds.' }),
      attestation: z.literal('none'),
      authenticatorSelection: z.object({
        residentKey: z.literal('required'),
        requireResidentKey: z.literal(true),
        userVerification: z.literal('required'),
      }),
      excludeCredentials: z.array(z.object({ type: publicKey, id: z.string(), transports: z.array(z.string()) })),
    }),
    expires_in: z.int().meta({ description: 'In seconds.' }),
  })
  .meta({
    id: 'PasskeyCreationOptions',
    description: '`options` is what `PublicKeyCredential.parseCreationOptionsFromJSON` takes.',
    example: {
      options: {
        challenge: '2vGq0c1tPzL8aRkBn4Yd7Q',
        rp: { id: 'example.com', name: 'example.com' },
        user: { id: 'AaIDn2bo', name: 'ada', displayName: 'ada' },
        pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
        timeout: 600_000,
        attestation: 'none',
        authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
        excludeCredentials: [],
      },
      expires_in: 600,
    },
  });

export const options = endpoint({
  name: 'getPasskeyCreationOptions',
  summary: 'Begin a passkey',
  statements: 3,
  body: proofSchema,
  reply: [200, optionsSchema],
  returns: 'What the browser or phone needs to make a passkey. It is good in this session, once.',
  errors: ['insufficient_user_authentication', 'invalid_credentials', 'email_unverified', 'too_many', 'overloaded'],
  async handler(context) {
    const proven = await requireProof(context, context.body.password);
    return { body: { options: await creationOptions(context, proven), expires_in: challengeTtl } };
  },
});

const name = textSchema(1, 64).meta({ example: 'Ada’s laptop' });

const addSchema = z
  .strictObject({ passkey: enrolmentSchema, name: name.optional() })
  .meta({ id: 'AddPasskeyBody', example: { passkey: enrolmentExample, name: 'Ada’s laptop' } });

const addedSchema = passkeySchema
  .extend({ recovery_codes: recoveryCodesSchema.optional() })
  .meta({ id: 'AddedPasskey', example: passkeyExample });

export const add = endpoint({
  name: 'addPasskey',
  summary: 'Add the passkey that was made',
  statements: 12,
  body: addSchema,
  reply: [201, addedSchema],
  returns: 'The passkey. If you have no recovery codes, or no method yet, it comes with new ones.',
  errors: [
    'challenge_expired',
    'invalid_passkey',
    'insufficient_user_authentication',
    'email_unverified',
    'passkey_taken',
    'too_many',
  ],
  async handler(context) {
    const { passkey, recoveryCodes } = await enrolPasskey(context, context.body.passkey, context.body.name);
    return { body: { ...passkeyJson(passkey), ...(recoveryCodes && { recovery_codes: recoveryCodes }) } };
  },
});

const renameSchema = z.strictObject({ name }).meta({ id: 'RenamePasskeyBody', example: { name: 'Ada’s laptop' } });

export const rename = endpoint({
  name: 'renamePasskey',
  summary: 'Rename a passkey',
  statements: 1,
  body: renameSchema,
  reply: [200, passkeySchema],
  returns: 'The passkey as it is now.',
  errors: ['not_found'],
  async handler({ deps, principal, id, body }) {
    const passkey = await renamePasskey(deps.db, principal.sub, id, body.name);
    if (!passkey) throw new AppError('not_found');
    return { body: passkeyJson(passkey) };
  },
});

export const remove = endpoint({
  name: 'removePasskey',
  summary: 'Remove a passkey',
  statements: 10,
  body: proofSchema,
  reply: [204],
  returns: 'It is gone, and every other session has ended. With the last app and passkey the second factor is off.',
  errors: ['insufficient_user_authentication', 'invalid_credentials', 'not_found', 'last_sign_in_method', 'overloaded'],
  async handler(context) {
    await removeMethod(context, await requireProof(context, context.body.password), 'passkey', context.id);
    return {};
  },
});
