import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import jwt, { type Algorithm } from 'jsonwebtoken';
import { createCodes, faultOfRequest, random } from './codes.js';
import { type Asked, type LoopbackServer, type Reply, startLoopbackServer } from './loopback-server.js';

/** Claims of the person who signs in next. */
export type Person = { sub: string; [claim: string]: unknown };

/** What the issuer gets wrong. `undefined` takes a member away. */
export type Wrong = {
  /** In place of what discovery says. */
  discovery?: Record<string, unknown>;
  /** In place of the parameters with which the browser comes back. */
  answer?: Record<string, string | undefined>;
  /** In place of the ID token's claims. */
  claims?: Record<string, unknown>;
  /** Who signs the ID token, and how; by default the issuer's key. */
  signature?: 'none' | 'of a stranger' | 'of an unknown key' | 'by the client secret' | 'by the public key';
  /** No ID token at all. */
  idToken?: false;
  /** Whether codes are bound to their verifier. */
  pkce?: false;
};

export type PretendedProvider = {
  name: string;
  server: LoopbackServer;
  /** That make Gatelatch know it. */
  settings: Record<string, string>;
  /** All that nobody but us and it may know: what it gave, and how we prove to be its client. */
  secrets: Map<string, string>;
};

export type OpenIdProvider = PretendedProvider & { issuer: string; person: Person; wrong: Wrong };

export type OpenIdOptions = {
  /** Its name in `PROVIDERS`. */
  name?: string;
  algorithm?: 'ES256' | 'RS256';
  settings?: Record<string, string>;
  clientId?: string;
  clientSecret?: string;
  /** Of Gatelatch; its path is not part of it. */
  gatelatchUrl?: string;
  /** More that discovery says. */
  discovery?: Record<string, unknown>;
  /** More that an authorization request must have. */
  wanted?: Record<string, string>;
  /** Whether the token endpoint's caller is the client; by default by its secret. */
  isClient?: (asked: Asked, issuer: string) => boolean;
  /** More parameters for the browser to bring back. */
  more?: (person: Person) => Record<string, string>;
};

/** An OpenID issuer on loopback that keeps to the rules, unless a test says what to get wrong. */
export async function startOpenIdProvider(options: OpenIdOptions = {}): Promise<OpenIdProvider> {
  const { name = 'corp', algorithm = 'ES256', clientId = 'gatelatch-there', clientSecret = random() } = options;
  const redirectUri = `${options.gatelatchUrl ?? 'http://localhost:3000'}/auth/callback/${name}`;
  const isClient = options.isClient ?? (({ form, headers }) => isBySecret(form, headers, clientId, clientSecret));
  const key = newKey(algorithm);
  const codes = createCodes<Person>();
  const secrets = new Map([['the client secret', clientSecret]]);
  const server = await startLoopbackServer((asked) => (routes[asked.path] ?? notFound)(asked));
  const issuer = server.url;
  const prefix = `PROVIDER_${name.toUpperCase()}`;
  const provider: OpenIdProvider = {
    name,
    server,
    issuer,
    person: { sub: 'ada', email: 'ada@corp.example', email_verified: true, name: 'Ada Lovelace' },
    wrong: {},
    secrets,
    settings: {
      PROVIDERS: name,
      [`${prefix}_ISSUER`]: issuer,
      [`${prefix}_CLIENT_ID`]: clientId,
      [`${prefix}_CLIENT_SECRET`]: clientSecret,
      ...options.settings,
    },
  };

  const routes: Record<string, (asked: Asked) => Reply> = {
    '/.well-known/openid-configuration': () => ({ body: { ...discovery(), ...provider.wrong.discovery } }),
    '/jwks': () => ({ body: { keys: [publicJwk(key, algorithm)] } }),
    '/authorize': authorize,
    '/token': giveTokens,
  };

  const discovery = () => ({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [algorithm],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    ...options.discovery,
  });

  /** Its person agrees at once. */
  function authorize({ query }: Asked): Reply {
    const wanted = { client_id: clientId, redirect_uri: redirectUri, ...options.wanted };
    const fault = faultOfRequest(query, wanted) ?? faultOfOpenId(query);
    if (fault) return { status: 400, body: fault };
    const code = codes.give(query, provider.person);
    secrets.set(`a code of ${name}`, code);
    const announced = { ...discovery(), ...provider.wrong.discovery }.authorization_response_iss_parameter_supported;
    return comeBack(query, {
      code,
      state: query.get('state') ?? '',
      ...(announced ? { iss: issuer } : {}),
      ...options.more?.(provider.person),
      ...provider.wrong.answer,
    });
  }

  function giveTokens(asked: Asked): Reply {
    if (asked.method !== 'POST' || !isClient(asked, issuer)) return { status: 401, body: { error: 'invalid_client' } };
    const granted = codes.take(asked.form, { pkce: provider.wrong.pkce });
    if (!granted) return { status: 400, body: { error: 'invalid_grant' } };
    const tokens = {
      access_token: random(),
      token_type: 'Bearer',
      expires_in: 300,
      refresh_token: random(),
      ...(provider.wrong.idToken === false ? {} : { id_token: idToken(granted.person, granted.query.get('nonce')) }),
    };
    for (const kind of ['access_token', 'refresh_token', 'id_token'] as const)
      secrets.set(`${kind} of ${name} ${secrets.size}`, tokens[kind] ?? '');
    secrets.set(`code_verifier for ${name} ${secrets.size}`, asked.form.get('code_verifier') ?? '');
    return { body: tokens };
  }

  function idToken(person: Person, nonce: string | null): string {
    const now = Math.floor(Date.now() / 1000);
    const right = { iss: issuer, aud: clientId, iat: now, exp: now + 300, nonce, ...person };
    return signed({ ...right, ...provider.wrong.claims }, provider.wrong.signature);
  }

  function signed(claims: Record<string, unknown>, signature: Wrong['signature']): string {
    const payload = JSON.stringify(withoutUndefined(claims));
    const by = (secret: KeyObject | string, alg: Algorithm, kid = 'its-key') =>
      jwt.sign(payload, secret, { header: { alg, kid, typ: 'JWT' } });
    if (signature === 'none') return by('', 'none');
    if (signature === 'of a stranger') return by(newKey(algorithm), algorithm);
    if (signature === 'of an unknown key') return by(newKey(algorithm), algorithm, 'another-key');
    if (signature === 'by the client secret') return by(clientSecret, 'HS256');
    if (signature === 'by the public key') return by(JSON.stringify(publicJwk(key, algorithm)), 'HS256');
    return by(key, algorithm);
  }
  return provider;
}

let people = 0;

/** Somebody whom nobody knows yet. */
export function newPerson(claims: Record<string, unknown> = {}): Person {
  people += 1;
  return { sub: `person-${people}`, email: `person-${people}@corp.example`, name: `Person ${people}`, ...claims };
}

/** Settings for several of them. */
export function settingsOf(...providers: PretendedProvider[]): Record<string, string> {
  const all = Object.assign({}, ...providers.map(({ settings }) => settings));
  return { ...all, PROVIDERS: providers.map(({ name }) => name).join(',') };
}

const notFound = (): Reply => ({ status: 404, body: { error: 'not_found' } });

function newKey(algorithm: 'ES256' | 'RS256'): KeyObject {
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
}

function publicJwk(key: KeyObject, alg: string): Record<string, unknown> {
  const { kty, crv, x, y, n, e } = key.export({ format: 'jwk' });
  return withoutUndefined({ kty, crv, x, y, n, e, alg, use: 'sig', kid: 'its-key' });
}

function faultOfOpenId(query: URLSearchParams): string | undefined {
  if (!(query.get('scope') ?? '').split(' ').includes('openid')) return 'scope is without openid';
  return (query.get('nonce') ?? '').length < 43 ? 'nonce is missing or short' : undefined;
}

/** RFC 6749 §2.3.1: in the header, form-encoded, or in the form. */
function isBySecret(form: URLSearchParams, { authorization = '' }: Asked['headers'], id: string, secret: string) {
  if (!authorization) return form.get('client_id') === id && form.get('client_secret') === secret;
  const [theirId, theirSecret] = Buffer.from(authorization.replace(/^Basic /i, ''), 'base64')
    .toString()
    .split(':');
  const decoded = (text = '') => new URLSearchParams(`x=${text}`).get('x');
  return decoded(theirId) === id && decoded(theirSecret) === secret;
}

/** By a redirect, or by a page with a form (OAuth 2.0 Form Post Response Mode). */
function comeBack(query: URLSearchParams, answer: Record<string, string | undefined>): Reply {
  const [to, given] = [new URL(query.get('redirect_uri') ?? ''), withoutUndefined(answer) as Record<string, string>];
  if (query.get('response_mode') === 'form_post') return { body: formPage(to.href, given) };
  for (const [name, value] of Object.entries(given)) to.searchParams.set(name, value);
  return { status: 302, headers: { Location: to.href } };
}

function formPage(action: string, fields: Record<string, string>): string {
  const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${escaped(value)}">`);
  return `<form method="post" action="${action}">${inputs.join('')}</form><script>document.forms[0].submit()</script>`;
}

const escaped = (value: string) => value.replaceAll('&', '&amp;').replaceAll('"', '&quot;');

function withoutUndefined(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
