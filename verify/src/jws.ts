import { compactVerify } from 'jose';
import type { Key } from './key-set.js';

export type Header = { alg: string; kid: string };

/**
 * The header of a JWS that says exactly `alg`, `typ` and `kid`: so no `crit`, `jwk`, `jku`, `b64` (RFC 8725 §3.1, §3.10,
 * §3.11). Its payload must be an object, and its signature have one spelling (RFC 4648 §3.5).
 * @returns undefined if it is another thing
 */
export function headerOf(token: string, typ: string): Header | undefined {
  const [, header, payload, signature] = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(token) ?? [];
  if (!header || !payload || !signature || !isCanonical(signature)) return undefined;
  if (!decoded(payload).startsWith('{')) return undefined;
  const fields = objectIn(decoded(header));
  if (!fields || fields.typ !== typ || Object.keys(fields).length !== 3) return undefined;
  const { alg, kid } = fields;
  return typeof alg === 'string' && typeof kid === 'string' ? { alg, kid } : undefined;
}

/** @returns the payload, or undefined if the key did not sign it */
export async function payloadOf(token: string, { alg }: Header, key: Key): Promise<Fields | undefined> {
  // The key says the algorithm; a token can only agree.
  if (alg !== key.alg) return undefined;
  try {
    const { payload } = await compactVerify(token, key.key, { algorithms: [key.alg] });
    return objectIn(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    return undefined;
  }
}

export type Fields = Record<string, unknown>;

export function asObject(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

function objectIn(text: string): Fields | undefined {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function isCanonical(segment: string): boolean {
  return Buffer.from(segment, 'base64url').toString('base64url') === segment;
}

function decoded(segment: string): string {
  return Buffer.from(segment, 'base64url').toString();
}
