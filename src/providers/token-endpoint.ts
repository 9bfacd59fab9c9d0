import { z } from 'zod';
import { endpointFor } from '../endpoint.js';
import { AppError } from '../errors.js';
import { presentedDevice } from '../sessions/cookies.js';
import { deviceTokenField, tokenReply, tokenResponseSchema, transportSchema } from '../sessions/token-reply.js';
import { pendingSchema } from '../sign-up/endpoints.js';
import { usernameSchema } from '../users/fields.js';
import { userJson } from '../users/json.js';
import { codeField, verifierField } from './fields.js';
import type { AnsweredFlow } from './flows.js';
import type { Person } from './person.js';
import { type SignInOutcome, signInByProvider } from './sign-in.js';
import { endSessionOfUsed } from './used-codes.js';

const tokenSchema = z
  .strictObject({
    code: codeField,
    code_verifier: verifierField,
    username: usernameSchema.optional().meta({ description: 'For a new user; else one is made up.' }),
    transport: transportSchema.default('bearer'),
    device_token: deviceTokenField,
  })
  .meta({
    id: 'ExternalTokenBody',
    example: {
      code: 'rZ3mXo0dQ2m1n0vYwq8sT4bJ7uKcE5hLxPfAgWiNyVo',
      code_verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
    },
  });

const external = z.object({
  provider: z.string(),
  email: z.string().nullable(),
  email_verified: z.boolean().meta({ description: 'Whether the address counts as verified here.' }),
  name: z.string().nullable(),
});

const signedInSchema = tokenResponseSchema.extend({ external }).meta({
  id: 'ExternalTokenResponse',
  example: {
    ...(tokenResponseSchema.meta()?.example as object),
    amr: ['fed'],
    external: { provider: 'google', email: 'ada@gmail.com', email_verified: true, name: 'Ada Lovelace' },
  },
});

const newUserSchema = z.union([
  signedInSchema,
  pendingSchema.extend({ external }).meta({ id: 'PendingExternalSignUp' }),
]);

export const fetchTokens = endpointFor<AnsweredFlow>()({
  name: 'fetchExternalTokens',
  summary: 'Finish a sign-in by a provider',
  statements: 4,
  body: tokenSchema,
  reply: [200, signedInSchema],
  returns: 'The user with the tokens of a new session: in the body, or as cookies if asked for.',
  creates: [newUserSchema, 'The same for a new user; with `SIGNUP=verified` perhaps without tokens, as a sign-up.'],
  headers: ['Set-Cookie'],
  errors: [
    'second_factor_required',
    'account_disabled',
    'email_unverified',
    'login_refused',
    'signup_closed',
    'signup_refused',
    'link_required',
    'username_taken',
  ],
  async handler({ deps, principal: flow, body, cookies, caller }) {
    const deviceToken = presentedDevice(deps, body, cookies);
    const asking = { flow, username: body.username, deviceToken, caller };
    const outcome = await signInByProvider(deps, asking).catch(async (error) => {
      // Of several at once, those that come too late are a second use.
      if (isTooLate(error)) await endSessionOfUsed(deps, body, caller);
      throw error;
    });
    return replyOf(deps, outcome, flow.person, body.transport);
  },
});

function isTooLate(error: unknown): boolean {
  return error instanceof AppError && error.code === 'invalid_one_time_token';
}

type TokenReplyDeps = Parameters<typeof tokenReply>[0];

function replyOf(
  deps: TokenReplyDeps,
  outcome: SignInOutcome,
  { provider, email, isVouchedFor, name }: Person,
  transport: z.infer<typeof transportSchema>,
) {
  const said = { external: { provider, email, email_verified: isVouchedFor, name } };
  if ('pending' in outcome) {
    const user = { ...userJson(outcome.pending), email };
    return { isCreated: true as const, body: { user, status: 'verification_sent' as const, ...said } };
  }
  const { tokens, recoveryCodesLeft, isNew } = outcome;
  const reply = tokenReply(deps, tokens, transport, outcome.deviceToken, recoveryCodesLeft);
  return { ...reply, ...(isNew && { isCreated: true as const }), body: { ...reply.body, ...said } };
}
