import { createHmac, createPublicKey } from 'node:crypto';
import type { Forgery } from './forgery.js';
import { compact, type Fields, fieldsOf, newKey, signed, type TestKey } from './signing.js';

/** A token that must be refused, made out of a good one. */
type Forge = (good: string, key: TestKey) => string;

const withClaims =
  (change: (claims: Fields) => Fields): Forge =>
  (good, key) => {
    const claims = fieldsOf(good, 1);
    return signed(key, 'at+jwt', { ...claims, ...change(claims) });
  };

const withHeader =
  (header: Fields): Forge =>
  (good, key) =>
    signed(key, 'at+jwt', fieldsOf(good, 1), header);

const without =
  (name: string): Forge =>
  (good, key) =>
    signed(key, 'at+jwt', Object.fromEntries(Object.entries(fieldsOf(good, 1)).filter(([claim]) => claim !== name)));

const now = () => Math.floor(Date.now() / 1000);

export const forgeries: Record<Forgery, Forge> = {
  'alg-none': (good) => compact({ ...fieldsOf(good, 0), alg: 'none' }, fieldsOf(good, 1), () => Buffer.alloc(0)),
  'alg-hs256': (good, { privateKey }) => {
    const pem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' });
    const sign = (input: string) => createHmac('sha256', pem).update(input).digest();
    return compact({ ...fieldsOf(good, 0), alg: 'HS256' }, fieldsOf(good, 1), sign);
  },
  'wrong-key': (good, { kid }) => signed({ ...newKey(), kid }, 'at+jwt', fieldsOf(good, 1)),
  'unknown-key': (good) => signed(newKey(), 'at+jwt', fieldsOf(good, 1)),
  'own-key': (good, { kid }) => {
    const stranger = newKey();
    return signed({ ...stranger, kid }, 'at+jwt', fieldsOf(good, 1), { jwk: stranger.jwk });
  },
  'changed-claims': (good) => {
    const [header, , signature] = good.split('.');
    const claims = { ...fieldsOf(good, 1), roles: ['admin'], scope: 'users:write' };
    return `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
  },
  'no-signature': (good) => good.replace(/[^.]*$/, ''),
  'respelled-signature': (good) => respelled(good),
  'wrong-type': (good, key) => signed(key, 'JWT', fieldsOf(good, 1)),
  'extra-header': withHeader({ cty: 'JWT' }),
  'critical-header': withHeader({ crit: ['x'], x: 1 }),
  'wrong-issuer': withClaims(() => ({ iss: 'https://evil.example' })),
  'wrong-audience': withClaims(() => ({ aud: 'elsewhere', client_id: 'elsewhere' })),
  'wrong-client': withClaims(() => ({ client_id: 'elsewhere' })),
  'without-session': without('sid'),
  'without-version': without('ver'),
  'not-an-object': (_, key) => signed(key, 'at+jwt', null),
  'too-long-lived': withClaims(({ iat }) => ({ exp: Number(iat) + 86_401 })),
  'from-the-future': withClaims(() => ({ iat: now() + 300, exp: now() + 900 })),
  expired: withClaims(() => ({ iat: now() - 1_000, exp: now() - 100 })),
};

// The unused bits of the last character are set (RFC 4648 §3.5).
function respelled(token: string): string {
  const last = Buffer.from(token.slice(-1));
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return token.slice(0, -1) + digits[digits.indexOf(last.toString()) + 1];
}
