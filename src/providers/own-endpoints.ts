import { z } from 'zod';
import { type Context, endpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { requireProof } from '../passwords/proof.js';
import { identitySchema } from '../second-factor/json.js';
import { proofFields, proofSchema } from '../second-factor/proof-body.js';
import { canonical, type User } from '../users/users.js';
import { codeField, verifierField } from './fields.js';
import { type AnsweredFlow, findByCode, findByLinkToken } from './flows.js';
import { findProvider } from './guard.js';
import { linkIdentity, unlinkIdentity } from './link.js';
import { endSessionOfUsed } from './used-codes.js';

const linkSchema = z
  .strictObject({
    code: codeField.optional(),
    code_verifier: verifierField.optional(),
    link_token: codeField.optional(),
    ...proofFields,
  })
  .refine(
    ({ code, code_verifier, link_token }) =>
      (code === undefined) === (code_verifier === undefined) && (code === undefined) !== (link_token === undefined),
    {
      path: ['link_token'],
      message: 'Send either link_token, or code and code_verifier.',
    },
  )
  .meta({
    id: 'LinkIdentityBody',
    example: { link_token: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo', password: 'nine geese over a quiet lake' },
  });

export const link = endpoint({
  name: 'linkIdentity',
  summary: 'Link a provider',
  statements: 10,
  body: linkSchema,
  reply: [201, identitySchema],
  returns: 'The identity: from now on you can sign in by it.',
  errors: [
    'invalid_one_time_token',
    'insufficient_user_authentication',
    'invalid_credentials',
    'email_unverified',
    'identity_taken',
    'too_many',
    'overloaded',
  ],
  async handler(context) {
    const { deps, body } = context;
    const proven = await requireProof(context, body.password);
    const flow = await flowOf(context, proven.user);
    // A provider that is taken out of the settings opens nothing any more.
    if (!flow || !findProvider(deps.config, flow.person.provider))
      throw new AppError('invalid_one_time_token', { detail: 'The token has expired or was used already.' });
    return { body: await linkIdentity(context, proven, flow) };
  },
});

type LinkContext = Pick<Context<unknown, z.output<typeof linkSchema>>, 'deps' | 'body' | 'caller'>;

async function flowOf({ deps, body, caller }: LinkContext, { emailKey }: User): Promise<AnsweredFlow | undefined> {
  const { code = '', code_verifier = '', link_token: token } = body;
  if (token !== undefined) {
    const flow = await findByLinkToken(deps, token);
    // It is for the user with that address: nobody else who happens to sign in there is linked.
    return flow && canonical(flow.person.email ?? '') === emailKey ? flow : undefined;
  }
  const flow = await findByCode(deps, code, code_verifier);
  if (!flow) await endSessionOfUsed(deps, { code, code_verifier }, caller);
  return flow;
}

export const unlink = endpoint({
  name: 'unlinkIdentity',
  summary: 'Unlink a provider',
  statements: 10,
  body: proofSchema,
  reply: [204],
  returns: 'The identity opens nothing any more, and the sessions that it began have ended.',
  errors: ['insufficient_user_authentication', 'invalid_credentials', 'not_found', 'last_sign_in_method', 'overloaded'],
  async handler(context) {
    await unlinkIdentity(context, await requireProof(context, context.body.password), context.id);
    return {};
  },
});
