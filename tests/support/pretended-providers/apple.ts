import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import jwt from 'jsonwebtoken';
import type { Asked } from './loopback-server.js';
import { type OpenIdProvider, type Person, startOpenIdProvider } from './openid.js';

const teamId = 'TEAM123456';
const keyId = 'KEY1234567';
const clientId = 'com.example.web';
const halfAYear = 15_777_000;

/** A pretended Apple: answers by a form, knows its client by a signed secret, and tells a name once. */
export async function startApple(): Promise<OpenIdProvider> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const told = new Set<string>();

  const isClient = ({ form, headers }: Asked, issuer: string) =>
    headers.authorization === undefined &&
    form.get('client_id') === clientId &&
    isOurs(form.get('client_secret') ?? '', createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })), issuer);

  /** The name that a person gave to the app, on the first time. */
  const more = ({ sub, name, email }: Person): Record<string, string> => {
    if (told.has(sub) || typeof name !== 'string') return {};
    told.add(sub);
    const [firstName, ...rest] = name.split(' ');
    return { user: JSON.stringify({ name: { firstName, lastName: rest.join(' ') }, email }) };
  };

  const apple = await startOpenIdProvider({
    name: 'apple',
    algorithm: 'RS256',
    clientId,
    isClient,
    more,
    wanted: { response_mode: 'form_post', scope: 'openid email name' },
    discovery: {
      authorization_response_iss_parameter_supported: undefined,
      code_challenge_methods_supported: undefined,
      response_modes_supported: ['query', 'fragment', 'form_post'],
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    },
  });
  const { PROVIDER_APPLE_CLIENT_SECRET: _, ...rest } = apple.settings;
  apple.secrets.clear();
  apple.secrets.set('the private key for Apple', pem.split('\n')[1] ?? '');
  apple.person = { sub: '001.ada', email: 'ada@privaterelay.example', email_verified: 'true', name: 'Ada Lovelace' };
  const settings = {
    ...rest,
    PROVIDER_APPLE_TEAM_ID: teamId,
    PROVIDER_APPLE_KEY_ID: keyId,
    PROVIDER_APPLE_PRIVATE_KEY: pem,
  };
  return Object.assign(apple, { settings });
}

/** As Apple's documentation of client secrets has it. */
function isOurs(secret: string, key: ReturnType<typeof createPublicKey>, issuer: string): boolean {
  try {
    const { header, payload } = jwt.verify(secret, key, {
      algorithms: ['ES256'],
      issuer: teamId,
      subject: clientId,
      audience: issuer,
      complete: true,
    });
    const { iat = 0, exp = Number.POSITIVE_INFINITY } = payload as { iat?: number; exp?: number };
    return header.kid === keyId && exp - iat <= halfAYear;
  } catch {
    return false;
  }
}
