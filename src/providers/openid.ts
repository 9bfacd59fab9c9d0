import jwt from 'jsonwebtoken';
import type { ClientAuth, Configuration } from 'openid-client';
import { boundedFetch } from './bounded-fetch.js';
import type { Provider } from './settings.js';

/** The only file that knows openid-client; it is loaded when a provider is first asked. */
const load = () => import('openid-client');

type OpenidClient = Awaited<ReturnType<typeof load>>;

/** What binds an answer of a provider to our question: PKCE's verifier and the nonce stay with us. */
type Question = { state: string; verifier: string; nonce: string };

type Asked = Question & { redirectUri: string; prompt?: string | undefined; loginHint?: string | undefined };

/** What a provider says of a person: the claims of an OpenID provider's ID token, or the token for GitHub's API. */
export type Answer = { claims: Record<string, unknown>; accessToken: string };

/** Where the browser goes to sign in. @throws if the provider cannot be reached, or is not who it should be */
export async function authorizationUrl(provider: Provider, asked: Asked): Promise<string> {
  const { buildAuthorizationUrl, calculatePKCECodeChallenge } = await load();
  const { redirectUri, state, verifier, nonce, prompt, loginHint } = asked;
  const isGithub = provider.kind === 'github';
  const url = buildAuthorizationUrl(await configurationOf(provider), {
    redirect_uri: redirectUri,
    scope: provider.scopes,
    state,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...(!isGithub && { nonce }),
    // Apple sends name and address no other way.
    ...(provider.kind === 'apple' && { response_mode: 'form_post' }),
    ...(prompt !== undefined && { prompt }),
    ...(loginHint !== undefined && { [isGithub ? 'login' : 'login_hint']: loginHint }),
  });
  return url.href;
}

/**
 * Checks what a provider sent with the browser, and exchanges its code. Of an ID token signature, algorithm, issuer,
 * audience, times and nonce are checked (OpenID Connect Core §3.1.3.7), and `iss` of the answer (RFC 9207).
 * @param parameters of the answer @throws if any of it is wrong
 */
export async function answerOf(
  provider: Provider,
  parameters: URLSearchParams,
  { state, verifier, nonce, redirectUri }: Asked,
): Promise<Answer> {
  const { authorizationCodeGrant } = await load();
  const url = new URL(redirectUri);
  url.search = parameters.toString();
  const isGithub = provider.kind === 'github';
  const tokens = await authorizationCodeGrant(await configurationOf(provider), url, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    ...(!isGithub && { expectedNonce: nonce, idTokenExpected: true }),
  });
  const claims = { ...tokens.claims() };
  // openid-client looks at it only where there are several audiences.
  if (claims.azp !== undefined && claims.azp !== provider.clientId)
    throw new Error('The ID token was given to another');
  return { claims, accessToken: tokens.access_token };
}

/** Whether the person said no at the provider. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'error' in error && error.error === 'access_denied';
}

// In milliseconds. After that a provider is asked again for its metadata.
const metadataLife = 3_600_000;

type Kept = { at: number; configuration: Promise<Configuration> };

const kept = new WeakMap<Provider, Kept>();

/** What discovery says; many who ask at once ask once, and a failure is not kept. */
async function configurationOf(provider: Provider): Promise<Configuration> {
  const known = kept.get(provider);
  if (known && Date.now() - known.at < metadataLife) return known.configuration;
  const configuration = discover(provider);
  kept.set(provider, { at: Date.now(), configuration });
  configuration.catch(() => kept.delete(provider));
  return configuration;
}

/** Asks a provider for its metadata. @throws if it cannot be reached, or names another issuer */
export async function discover(provider: Provider): Promise<Configuration> {
  const client = await load();
  const { issuer, clientId, kind } = provider;
  const options = {
    [client.customFetch]: boundedFetch,
    execute: issuer.startsWith('http:') ? [client.allowInsecureRequests] : [],
  };
  const metadata =
    kind === 'github'
      ? githubMetadata(issuer)
      : (await client.discovery(new URL(issuer), clientId, undefined, undefined, options)).serverMetadata();
  const configuration = new client.Configuration(metadata, clientId, undefined, clientAuth(client, provider, metadata));
  configuration[client.customFetch] = boundedFetch;
  if (issuer.startsWith('http:')) client.allowInsecureRequests(configuration);
  // Without it the signature of an ID token is not looked at.
  client.enableNonRepudiationChecks(configuration);
  return configuration;
}

function githubMetadata(issuer: string) {
  const of = (path: string) => `${issuer}/login/oauth/${path}`;
  return { issuer, authorization_endpoint: of('authorize'), token_endpoint: of('access_token') };
}

type Metadata = { token_endpoint_auth_methods_supported?: string[]; issuer: string };

function clientAuth(client: OpenidClient, provider: Provider, metadata: Metadata): ClientAuth {
  const { secret, clientAuth: way, kind } = provider;
  if (!('text' in secret))
    return (server, as, body, headers) => client.ClientSecretPost(appleSecret(provider))(server, as, body, headers);
  const { token_endpoint_auth_methods_supported: supported = ['client_secret_basic'] } = metadata;
  const isPost = way === undefined ? kind === 'github' || !supported.includes('client_secret_basic') : way === 'post';
  return isPost ? client.ClientSecretPost(secret.text) : client.ClientSecretBasic(secret.text);
}

/** Apple's client secret is a token that we sign, here good for five minutes. */
function appleSecret({ issuer, clientId, secret }: Provider): string {
  if ('text' in secret) throw new Error('Only Apple has a key instead of a secret');
  const { teamId, keyId, privateKey } = secret;
  const options = { algorithm: 'ES256', keyid: keyId, issuer: teamId, subject: clientId, audience: issuer } as const;
  return jwt.sign({}, privateKey, { ...options, expiresIn: 300 });
}
