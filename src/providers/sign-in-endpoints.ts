import { z } from 'zod';
import { newToken } from '../email/one-time-tokens.js';
import { endpointFor, openEndpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { presentedDevice } from '../log-in/sign-in.js';
import { deviceTokenField, tokenReply, tokenResponseSchema, transportSchema } from '../sessions/token-reply.js';
import { pendingSchema } from '../sign-up/endpoints.js';
import { usernameSchema } from '../users/fields.js';
import { userJson } from '../users/json.js';
import { callbackOf } from './callback.js';
import { codeField, verifierField } from './fields.js';
import { type AnsweredFlow, beginFlow, flowLife } from './flows.js';
import { findProvider, type Return } from './guard.js';
import { authorizationUrl } from './openid.js';
import type { Person } from './person.js';
import { isListed } from './redirect-uris.js';
import { type SignInOutcome, signInByProvider } from './sign-in.js';
import { endSessionOfUsed } from './used-codes.js';

const listSchema = z
  .object({ data: z.array(z.object({ name: z.string(), label: z.string() })) })
  .meta({ id: 'Providers', example: { data: [{ name: 'google', label: 'Google' }] } });

export const list = openEndpoint({
  name: 'listProviders',
  summary: 'List the providers to sign in by',
  statements: 0,
  reply: [200, listSchema],
  returns: 'Those that are set, in their order: a button for each.',
  handler: ({ deps }) => ({ body: { data: deps.config.providers.map(({ name, label }) => ({ name, label })) } }),
});

const challengePattern = /^[\w-]{43}$/;

const beginSchema = z
  .strictObject({
    provider: z.string().max(32),
    redirect_uri: z.string().max(2000).meta({ description: 'One of `REDIRECT_URIS`.' }),
    code_challenge: z
      .string()
      .regex(challengePattern, 'The SHA-256 of a code verifier in base64url: 43 characters.')
      .meta({ description: 'RFC 7636, S256.' }),
    state: z
      .string()
      .max(512)
      .optional()
      .meta({ description: 'It comes back unchanged: drop an answer without yours.' }),
    prompt: z.enum(['login', 'select_account']).optional().meta({ example: 'login' }),
    login_hint: z.string().max(254).optional().meta({ example: 'ada@gmail.com' }),
  })
  .meta({
    id: 'BeginExternalBody',
    example: {
      provider: 'google',
      redirect_uri: 'https://app.example/callback',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      state: 'af0ifjsldkj',
    },
  });

const begunSchema = z
  .object({ url: z.string(), expires_in: z.int().meta({ description: 'In seconds.' }) })
  .meta({ id: 'BegunExternal', example: { url: 'https://accounts.google.com/o/oauth2/v2/auth?…', expires_in: 600 } });

export const begin = openEndpoint({
  name: 'beginExternal',
  summary: 'Begin a sign-in by a provider',
  statements: 1,
  body: beginSchema,
  reply: [200, begunSchema],
  returns:
    'Where to send the browser. Nothing is in a cookie: the code verifier, which you keep, binds the sign-in to you.',
  errors: ['provider_unavailable'],
  async handler({ deps, body }) {
    const provider = findProvider(deps.config, body.provider);
    if (!provider) refuse('provider', 'There is no such provider here.');
    if (!isListed(body.redirect_uri, deps.config.redirectUris)) refuse('redirect_uri', 'It is not on the list.');
    const [state, verifier, nonce] = [newToken().token, newToken().token, newToken().token];
    const redirectUri = callbackOf(deps.config, provider.name);
    const asked = { state, verifier, nonce, redirectUri, prompt: body.prompt, loginHint: body.login_hint };
    const url = await authorizationUrl(provider, asked).catch((error: Error) => {
      deps.log.warn({ provider: provider.name, reason: error.message }, 'a provider cannot be reached');
      deps.metrics.signIns.byProvider(provider.name, 'provider_unavailable');
      throw new AppError('provider_unavailable', { cause: error });
    });
    const client = { provider: provider.name, redirectUri: body.redirect_uri, codeChallenge: body.code_challenge };
    await beginFlow(deps, client, state, { verifier, nonce, clientState: body.state });
    return { body: { url, expires_in: flowLife.begun } };
  },
});

function refuse(path: string, message: string): never {
  throw new AppError('validation_failed', { errors: [{ path, message }] });
}

const toClient = {
  statements: 2,
  reply: [303],
  returns: 'Back to the client, with `code`, or `error`, and with `state` and `iss`.',
  headers: ['Location'],
} as const;

const sendBack = ({ principal }: { principal: Return }) => ({ headers: { Location: principal.location } });

export const callback = endpointFor<Return>()({
  ...toClient,
  name: 'receiveAnswer',
  summary: 'Receive a provider’s answer',
  headers: ['Location'],
  handler: sendBack,
});

/** Apple's way. */
export const callbackByForm = endpointFor<Return>()({
  ...toClient,
  name: 'receiveAnswerByForm',
  summary: 'Receive a provider’s answer as a form',
  headers: ['Location'],
  handler: sendBack,
});

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
    'signup_closed',
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
