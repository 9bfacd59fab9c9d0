import { z } from 'zod';
import { newToken } from '../email/one-time-tokens.js';
import { endpointFor, openEndpoint } from '../endpoint.js';
import { AppError } from '../errors.js';
import { callbackOf } from './callback.js';
import { beginFlow, flowLife } from './flows.js';
import { findProvider, type Return } from './guard.js';
import { authorizationUrl } from './openid.js';
import { isListed } from './redirect-uris.js';

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
