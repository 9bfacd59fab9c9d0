import { randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { AppError } from '../errors.js';
import type { SigningKey, SigningKeys } from '../keys/signing-keys.js';
import { longestAccessTtl } from '../keys/signing-keys.js';
import { type Authentication, acrValues } from './authentication.js';

// How far another instance's clock may be ahead of ours, in seconds.
const clockTolerance = 60;

/** The claims of every access token besides issuer and audience (RFC 9068 §2.2). */
const claimsSchema = z
  .object({
    client_id: z.string(),
    sub: z.uuid(),
    sid: z.uuid(),
    jti: z.string().min(1),
    roles: z.array(z.string()),
    ver: z.int().nonnegative(),
    // Tokens of older releases have none of these four.
    epoch: z.int().nonnegative().default(0),
    amr: z.array(z.string()).default([]),
    acr: z.enum(acrValues).default('aal1'),
    auth_time: z.int().nonnegative().default(0),
    iat: z.int().nonnegative(),
    exp: z.int().nonnegative(),
  })
  .refine(({ iat, exp }) => exp > iat && exp - iat <= longestAccessTtl);

export type AccessClaims = z.infer<typeof claimsSchema> & { kid: string };

export type AccessTokenSettings = { issuer: string; audience: string; accessTtl: number };

/** A user and the session of the token, with the session's epoch and sign-in. */
type TokenSubject = Authentication & {
  id: string;
  roles: string[];
  version: number;
  epoch: number;
  sessionId: string;
};

/** Signs an access token (RFC 9068) with the active key. @param issuedAt seconds since the epoch */
export function signAccessToken(
  keys: SigningKeys,
  settings: AccessTokenSettings,
  subject: TokenSubject,
  issuedAt: number,
): string {
  const key = keys.active('access');
  const claims = {
    iss: settings.issuer,
    aud: settings.audience,
    client_id: settings.audience,
    sub: subject.id,
    sid: subject.sessionId,
    roles: subject.roles,
    ver: subject.version,
    epoch: subject.epoch,
    auth_time: Math.floor(subject.authTime.getTime() / 1000),
    amr: subject.amr,
    acr: subject.acr,
    iat: issuedAt,
    exp: issuedAt + settings.accessTtl,
    jti: randomUUID(),
  };
  return jwt.sign(claims, key.privateKey, {
    algorithm: key.algorithm as jwt.Algorithm,
    header: { alg: key.algorithm, typ: 'at+jwt', kid: key.kid },
  });
}

/**
 * The key for this token. Its header must be exactly ours: `alg`, `typ` and `kid` with the key's own algorithm, and
 * nothing else, so no `crit`, `jwk`, `jku`, `b64` (RFC 8725 §3.1, §3.10, §3.11; RFC 7515 §4.1.11).
 * @throws AppError invalid_token
 */
export async function verificationKey(keys: SigningKeys, token: string): Promise<SigningKey> {
  const header = tokenHeader(token);
  // Another instance may have made a key that we do not know yet.
  const key = typeof header?.kid === 'string' ? await keys.lookUp('access', header.kid) : undefined;
  if (!header || !key || header.alg !== key.algorithm || header.typ !== 'at+jwt' || Object.keys(header).length !== 3)
    throw new AppError('invalid_token', { detail: 'This server did not sign the token.' });
  return key;
}

/** The session that a token names, unverified: for a cookie that opens nothing here but must belong to another one. */
export function namedSession(token: string): string | undefined {
  try {
    const { sid } = JSON.parse(decoded(token.split('.')[1] ?? ''));
    return typeof sid === 'string' ? sid : undefined;
  } catch {
    return undefined;
  }
}

// Only to choose the key: nothing is trusted before the signature is verified. The payload must be an object (RFC 7519
// §7.2): the verifier crashes on a signed `null`.
function tokenHeader(token: string): Record<string, unknown> | undefined {
  const [, header, payload, signature] = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(token) ?? [];
  if (!header || !payload || !signature || !decoded(payload).startsWith('{')) return undefined;
  if (!isCanonical(signature)) return undefined;
  try {
    const fields: unknown = JSON.parse(decoded(header));
    return typeof fields === 'object' && fields !== null ? { ...fields } : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 4648 §3.5: no spare bits in the last character, so that a signature has only one spelling. */
function isCanonical(segment: string): boolean {
  return Buffer.from(segment, 'base64url').toString('base64url') === segment;
}

function decoded(segment: string): string {
  return Buffer.from(segment, 'base64url').toString();
}

/**
 * The payload is verified already, except for our claims (RFC 9068 §4, RFC 8725 §3.8).
 * @throws AppError invalid_token
 */
export function readClaims(payload: unknown, kid: string, settings: AccessTokenSettings): AccessClaims {
  const claims = claimsSchema.safeParse(payload);
  const now = Date.now() / 1000;
  if (!claims.success || claims.data.client_id !== settings.audience || claims.data.iat > now + clockTolerance)
    throw new AppError('invalid_token', { detail: 'The token lacks a claim that every token of this server has.' });
  return { ...claims.data, kid };
}
