import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export type Fields = Record<string, unknown>;

export type TestKey = { kid: string; privateKey: KeyObject; jwk: Fields };

export function newKey(): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = randomBytes(9).toString('base64url');
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } };
}

export function signed(key: TestKey, typ: string, payload: unknown, header: Fields = {}): string {
  const head = { alg: 'ES256', typ, kid: key.kid, ...header };
  return compact(head, payload, (input) =>
    sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }),
  );
}

export function compact(header: Fields, payload: unknown, signature: (input: string) => Buffer): string {
  const [head, body] = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  return `${head}.${body}.${signature(`${head}.${body}`).toString('base64url')}`;
}

/** What is in a token, unverified. */
export function fieldsOf(token: string, part: 0 | 1): Fields {
  return JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString());
}
