// A pretended company with an OpenID provider, so that signing in by one can be tried without any account:
// CORP_REDIRECT_URIS=http://localhost:3000/auth/callback/corp node examples/corp/corp.mjs
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import Provider, { interactionPolicy } from 'oidc-provider';
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';
import { loginPage } from './login-page.mjs';
import { personOf } from './people.mjs';

// Node 20 has none, and oidc-provider uses it.
URL.parse ??= (url, base) => (URL.canParse(url, base) ? new URL(url, base) : null);

const minutes = 60;

/**
 * Starts it on loopback, with nothing remembered.
 * @returns its issuer, and how to stop it
 */
export async function startCorp({ port, clientId, clientSecret, redirectUris }) {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://localhost:${server.address().port}`;
  const provider = new Provider(issuer, settings({ clientId, clientSecret, redirectUris }));
  const answer = provider.callback();
  server.on('request', (request, response) => {
    const answered = request.url.startsWith('/login/') ? logIn(provider, request, response) : answer(request, response);
    answered.catch((error) => fail(error, response));
  });
  const close = async () => {
    server.close();
    server.closeAllConnections();
  };
  return { issuer, close };
}

function settings({ clientId, clientSecret, redirectUris }) {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
  return {
    adapter: createMemoryAdapter(0),
    jwks: { keys: [{ ...key, alg: 'ES256', use: 'sig' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    responseTypes: ['code'],
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: redirectUris,
        response_types: ['code'],
        grant_types: ['authorization_code'],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    // Claims stand in the ID token, as Google and others have it.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, { uid }) => `/login/${uid}`, policy: policy() },
    findAccount: (_, id) => ({ accountId: id, claims: () => personOf(id) }),
    loadExistingGrant: consentToAll,
    ttl: {
      AccessToken: 10 * minutes,
      AuthorizationCode: minutes,
      Grant: 10 * minutes,
      IdToken: 10 * minutes,
      Interaction: 30 * minutes,
      Session: 30 * minutes,
    },
  };
}

/** Corp asks each time who it is: so one can be Ada now and Bob then. */
function policy() {
  const { base, Check, Prompt } = interactionPolicy;
  const prompts = base();
  prompts
    .get('login')
    .checks.add(new Check('who', 'Corp asks who it is', ({ oidc }) => oidc.result?.login === undefined));
  prompts.add(new Prompt({ name: 'select_account', requestable: true }));
  return prompts;
}

async function consentToAll({ oidc }) {
  const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
  grant.addOIDCScope([...oidc.requestParamScopes].join(' '));
  await grant.save();
  return grant;
}

async function logIn(provider, request, response) {
  const { params } = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') return show(response, 200, loginPage({ hint: params.login_hint }));
  const form = new URLSearchParams(await text(request));
  const person = personOf(form.get('person') ?? '');
  if (!person && !form.has('cancel')) return show(response, 422, loginPage());
  const result = person
    ? { login: { accountId: person.sub }, select_account: {} }
    : { error: 'access_denied', error_description: 'Nobody signed in.' };
  await provider.interactionFinished(request, response, result);
}

function show(response, status, page) {
  response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' }).end(page);
}

function fail({ message, status = 500 }, response) {
  if (response.headersSent) response.destroy();
  else response.writeHead(status, { 'Content-Type': 'text/plain' }).end(`${message}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const {
    CORP_PORT = '4001',
    CORP_CLIENT_ID = 'gatelatch',
    CORP_CLIENT_SECRET = 'corp-knows-this-secret-of-gatelatch',
    CORP_REDIRECT_URIS = 'http://localhost:3000/auth/callback/corp',
  } = process.env;
  const corp = await startCorp({
    port: Number(CORP_PORT),
    clientId: CORP_CLIENT_ID,
    clientSecret: CORP_CLIENT_SECRET,
    redirectUris: CORP_REDIRECT_URIS.split(','),
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => corp.close());
  console.log(`Corp is open at ${corp.issuer}.`);
}
