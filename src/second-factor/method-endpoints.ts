import { z } from 'zod';
import { type Context, endpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { requireProof } from '../passwords/proof.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import { methodsJson, methodsSchema, recoveryCodesSchema } from './json.js';
import { listMethods } from './list.js';
import { secondFactors } from './methods.js';
import { proofFields, proofSchema } from './proof-body.js';
import { changeSecondFactor, forgetTrustedDevices, removePassword, renewRecoveryCodes } from './settings.js';

export const show = endpoint({
  name: 'getSignInMethods',
  summary: 'List your sign-in methods',
  statements: 1,
  reply: [200, methodsSchema],
  returns: 'What you can sign in with, and where the second factor is not asked for.',
  handler: async (context) => ({ body: await methodsOf(context) }),
});

const changeSchema = z
  .strictObject({
    second_factor: z.enum(secondFactors).meta({
      description:
        '`any`: a code or a passkey is asked for besides the first factor. `passkey`: only a passkey will do.',
    }),
    ...proofFields,
  })
  .meta({ id: 'ChangeSignInMethodsBody', example: { second_factor: 'any', password: 'nine geese over a quiet lake' } });

export const change = endpoint({
  name: 'changeSignInMethods',
  summary: 'Turn the second factor on or off',
  statements: 9,
  body: changeSchema,
  reply: [200, methodsSchema],
  returns: 'Your sign-in methods as they are now. After a change every other session has ended.',
  errors: ['insufficient_user_authentication', 'invalid_credentials', 'last_sign_in_method', 'overloaded'],
  async handler(context) {
    const { second_factor, password } = context.body;
    await changeSecondFactor(context, await requireProof(context, password), second_factor);
    return { body: await methodsOf(context) };
  },
});

async function methodsOf({ deps, principal }: Pick<Context<AccessClaims>, 'deps' | 'principal'>) {
  const list = await listMethods(deps, principal.sub);
  // The user was deleted a moment ago, so the session has ended.
  if (!list) throw new AppError('session_revoked');
  return methodsJson(list, deps.config);
}

export const makeRecoveryCodes = endpoint({
  name: 'makeRecoveryCodes',
  summary: 'Make new recovery codes',
  statements: 8,
  body: proofSchema,
  reply: [200, z.object({ recovery_codes: recoveryCodesSchema }).meta({ id: 'RecoveryCodes' })],
  returns: 'Ten codes; the former ones are void, and every other session has ended.',
  errors: ['insufficient_user_authentication', 'invalid_credentials', 'email_unverified', 'overloaded'],
  async handler(context) {
    const proven = await requireProof(context, context.body.password);
    return { body: { recovery_codes: await renewRecoveryCodes(context, proven) } };
  },
});

export const forgetDevices = endpoint({
  name: 'forgetTrustedDevices',
  summary: 'Ask for the second factor on every device again',
  statements: 4,
  reply: [204],
  returns: 'No device is trusted any more.',
  async handler(context) {
    await forgetTrustedDevices(context);
    return {};
  },
});

export const removeOwnPassword = endpoint({
  name: 'removePassword',
  summary: 'Remove your password',
  statements: 9,
  body: proofSchema,
  reply: [204],
  returns: 'You sign in by passkey from now on, and every other session has ended.',
  errors: ['insufficient_user_authentication', 'invalid_credentials', 'last_sign_in_method', 'overloaded'],
  async handler(context) {
    await removePassword(context, await requireProof(context, context.body.password));
    return {};
  },
});
