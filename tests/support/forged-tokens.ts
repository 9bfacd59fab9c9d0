import { createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import type { ErrorCode } from '../../src/errors.js';
import type { SignedUp, TestApp } from './app.js';

type Fields = Record<string, unknown>;

/** What a forger works with: the keys of the app and the tokens of a user. */
export type Forger = {
  app: TestApp;
  user: SignedUp;
  header: Fields;
  claims: Fields;
  /** Signs with the app's own key, so that the signature is never the reason for the refusal. */
  own(header: Fields, payload: unknown): string;
};

export function createForger(app: TestApp, user: SignedUp): Forger {
  const { kid, algorithm, privateKey } = app.deps.keys.active('access');
  const { issuer: iss, audience: aud } = app.config.tokens;
  const { ver, roles } = JSON.parse(Buffer.from(user.accessToken.split('.')[1] ?? '', 'base64url').toString());
  const ids = { sub: user.userId, sid: user.sessionId, jti: randomUUID(), ver, roles };
  return {
    app,
    user,
    header: { alg: algorithm, typ: 'at+jwt', kid },
    claims: { iss, aud, client_id: aud, ...ids, iat: now(), exp: now() + 900 },
    own: (header, payload) => compact(header, payload, (input) => es256(privateKey, input)),
  };
}

/**
 * Every access token that must be refused: its description, how to make it, and the code if it is not `invalid_token`.
 */
export const forgedTokens: [what: string, make: (forger: Forger) => string, code?: ErrorCode][] = [
  ['an expired one', (f) => f.own(f.header, { ...f.claims, iat: now() - 901, exp: now() - 1 }), 'token_expired'],
  ['one with another signature', ({ user }) => changed(user.accessToken, 2)],
  ['one with another payload under its signature', ({ user }) => changed(user.accessToken, 1)],
  ['one whose signature is spelled another way', ({ user }) => respelled(user.accessToken)],
  ['one without its signature', ({ user }) => user.accessToken.replace(/[^.]*$/, '')],
  ['one for another audience', (f) => f.own(f.header, { ...f.claims, aud: 'elsewhere', client_id: 'elsewhere' })],
  ['one of another client', (f) => f.own(f.header, { ...f.claims, client_id: 'elsewhere' })],
  ['one of another issuer', (f) => f.own(f.header, { ...f.claims, iss: 'http://evil.example' })],
  ['one whose issuer has an extra slash', (f) => f.own(f.header, { ...f.claims, iss: `${f.claims.iss}/` })],

  ['one of type JWT', (f) => f.own({ ...f.header, typ: 'JWT' }, f.claims)],
  ['one without a type', (f) => f.own(without(f.header, 'typ'), f.claims)],
  ['one with alg none and no signature', (f) => compact({ ...f.header, alg: 'none' }, f.claims, nothing)],
  ['one with alg noNe and no signature', (f) => compact({ ...f.header, alg: 'noNe' }, f.claims, nothing)],
  ['one with alg none and its old signature', (f) => f.own({ ...f.header, alg: 'none' }, f.claims)],
  ['one with alg none, no kid and no signature', (f) => compact({ alg: 'none', typ: 'at+jwt' }, f.claims, nothing)],
  [
    'one with HS256 under the public key in PEM',
    (f) => hs256({ ...f.header, alg: 'HS256' }, f.claims, publicKey(f, 'pem')),
  ],
  [
    'one with HS256 under the public key in DER',
    (f) => hs256({ ...f.header, alg: 'HS256' }, f.claims, publicKey(f, 'der')),
  ],
  ['one with HS256 under an empty key', (f) => hs256({ ...f.header, alg: 'HS256' }, f.claims, '')],
  ['one with RS256 under a key of the forger', (f) => compact({ ...f.header, alg: 'RS256' }, f.claims, rs256)],
  ['one with ES384 in its header', (f) => f.own({ ...f.header, alg: 'ES384' }, f.claims)],
  ['one with ES256 under a key of the forger', (f) => byStranger(f.header, f.claims)],

  ['one that brings its own key as jwk', (f) => byStranger({ ...f.header, jwk: stranger.jwk }, f.claims)],
  [
    'one that brings its own key as jwk and no kid',
    (f) => byStranger({ ...without(f.header, 'kid'), jwk: stranger.jwk }, f.claims),
  ],
  ['one that names a jku', (f) => byStranger({ ...f.header, jku: 'http://127.0.0.1:9/jwks.json' }, f.claims)],
  ['one that names an x5u', (f) => byStranger({ ...f.header, x5u: 'http://127.0.0.1:9/cert.pem' }, f.claims)],
  ['one with an unknown crit', (f) => f.own({ ...f.header, crit: ['x'], x: 1 }, f.claims)],
  ['one with an empty crit', (f) => f.own({ ...f.header, crit: [] }, f.claims)],
  ['one with b64 false', (f) => f.own({ ...f.header, b64: false }, f.claims)],
  ['one of an unknown kid', (f) => f.own({ ...f.header, kid: 'AAAAAAAAAAAA' }, f.claims)],
  ['one without a kid', (f) => f.own(without(f.header, 'kid'), f.claims)],
  ['one whose kid is a path', (f) => hs256({ ...f.header, alg: 'HS256', kid: '../../../dev/null' }, f.claims, '')],
  ['one whose kid is an object', (f) => f.own({ ...f.header, kid: { toString: 'x' } }, f.claims)],
  ['one whose kid is __proto__', (f) => f.own({ ...f.header, kid: '__proto__' }, f.claims)],
  ['one signed with a refresh key', (f) => byKeyOf('refresh', f)],
  ['one signed with a device key', (f) => byKeyOf('device', f)],

  ...['iss', 'aud', 'client_id', 'sub', 'sid', 'jti', 'roles', 'ver', 'iat', 'exp'].map(
    (claim): [string, (f: Forger) => string] => [
      `one without ${claim}`,
      (f) => f.own(f.header, without(f.claims, claim)),
    ],
  ),
  ['one whose sub is no id', (f) => f.own(f.header, { ...f.claims, sub: 'admin' })],
  ['one whose sub is null', (f) => f.own(f.header, { ...f.claims, sub: null })],
  ['one whose ver is text', (f) => f.own(f.header, { ...f.claims, ver: '0' })],
  ['one whose roles are text', (f) => f.own(f.header, { ...f.claims, roles: 'admin' })],
  ['one whose exp is text', (f) => f.own(f.header, { ...f.claims, exp: String(now() + 900) })],
  ['one that lives longer than 24 hours', (f) => f.own(f.header, { ...f.claims, exp: now() + 86_401 })],
  ['one whose exp is in milliseconds', (f) => f.own(f.header, { ...f.claims, exp: (now() + 900) * 1000 })],
  ['one whose exp is 1e308', (f) => f.own(f.header, { ...f.claims, exp: 1e308 })],
  ['one from the future', (f) => f.own(f.header, { ...f.claims, iat: now() + 120, exp: now() + 900 })],
  ['one that is not valid yet', (f) => f.own(f.header, { ...f.claims, nbf: now() + 120 })],
  ['one whose exp is before its iat', (f) => f.own(f.header, { ...f.claims, iat: now() + 30, exp: now() + 20 })],

  ...[null, 'text', [], 7, true, {}].map((payload): [string, (f: Forger) => string] => [
    `one whose payload is ${JSON.stringify(payload)}`,
    (f) => f.own(f.header, payload),
  ]),
  ['a refresh token', ({ user }) => user.refreshToken],
  ['a device token', ({ user }) => user.deviceToken],
  ['a good one followed by a word', ({ user }) => `${user.accessToken} junk`],
  ['a good one with an extra segment', ({ user }) => `${user.accessToken}.e30`],
  ['a good one twice', ({ user }) => `${user.accessToken},${user.accessToken}`],
  ['a good one in quotes', ({ user }) => `"${user.accessToken}"`],
  ['a good one padded with =', ({ user }) => `${user.accessToken}=`],
  ...['a', '.', '..', 'a.b.c', 'e30.e30.e30', 'bnVsbA.bnVsbA.AA', 'undefined', 'null', '\x80\xff'].map(
    (text): [string, () => string] => [`text that is not a token: ${JSON.stringify(text)}`, () => text],
  ),
  ['text of 12,000 characters', () => 'a.'.repeat(6000)],
];

function now(): number {
  return Math.floor(Date.now() / 1000);
}

function compact(header: Fields, payload: unknown, signature: (input: string) => Buffer): string {
  const [head, body] = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  return `${head}.${body}.${signature(`${head}.${body}`).toString('base64url')}`;
}

function es256(key: KeyObject, input: string): Buffer {
  return sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
}

function hs256(header: Fields, payload: unknown, key: KeyObject | Buffer | string): string {
  return compact(header, payload, (input) => createHmac('sha256', key).update(input).digest());
}

const nothing = () => Buffer.alloc(0);
const rs256 = (input: string) => sign('sha256', Buffer.from(input), strangerRsa);
const { privateKey: strangerRsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const stranger = (() => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, jwk: publicKey.export({ format: 'jwk' }) };
})();

/** Signed with a key that the forger made. */
export function byStranger(header: Fields, payload: unknown): string {
  return compact(header, payload, (input) => es256(stranger.privateKey, input));
}

/** Signed with a key of the app that is for another purpose (RFC 8725 §3.12). */
function byKeyOf(purpose: 'refresh' | 'device', { app, header, claims }: Forger): string {
  const { kid, algorithm, privateKey } = app.deps.keys.active(purpose);
  return hs256({ ...header, alg: algorithm, kid }, claims, privateKey);
}

function publicKey({ app }: Forger, format: 'pem' | 'der'): string | Buffer {
  const { verifyKey } = app.deps.keys.active('access');
  return format === 'pem' ? verifyKey.export({ type: 'spki', format }) : verifyKey.export({ type: 'spki', format });
}

function without(fields: Fields, name: string): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));
}

/** Changes a character in the middle of one segment, because some bits at its end have no meaning. */
function changed(token: string, segment: number): string {
  const parts = token.split('.');
  const text = parts[segment] ?? '';
  parts[segment] = `${text.slice(0, 20)}${text[20] === 'A' ? 'B' : 'A'}${text.slice(21)}`;
  return parts.join('.');
}

/** The last character of 64 bytes in base64url has four spare bits: another one decodes to the same signature. */
function respelled(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.slice(-1)) + 1];
}
