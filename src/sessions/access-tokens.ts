import { randomUUID } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { z } from 'zod';
import { AppError } from '../errors.js';
import type { SigningKey, SigningKeys } from '../keys/signing-keys.js';
import { longestAccessTtl } from '../keys/signing-keys.js';
import { narrowed, permissionsOf, scopeOf } from '../permissions/permissions.js';
import { type Authentication, acrValues } from './authentication.js';
import { type OwnClaims, ownClaimsIn } from './own-claims.js';

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
    // Tokens of older releases have no scope: all that the roles give.
    scope: z.string().optional(),
    ver: z.int().nonnegative(),
    // Tokens of older releases have none of these four, and those of keys never do.
    epoch: z.int().nonnegative().default(0),
    amr: z.array(z.string()).default([]),
    acr: z.enum(acrValues).default('aal1'),
    auth_time: z.int().nonnegative().default(0),
    iat: z.int().nonnegative(),
    exp: z.int().nonnegative(),
  })
  .refine(({ iat, exp }) => exp > iat && exp - iat <= longestAccessTtl);

type Claims = z.infer<typeof claimsSchema>;

/**
 * What is known of a caller by its token. A key is a session that is not refreshed: its id is the `sid` of what it opens,
 * and its owner the `sub`.
 */
export type AccessClaims = Claims & {
  kid: string;
  kind: 'session' | 'api_key';
  /** What the token may: the smaller of its scope and what the roles give by the code that runs now. */
  permissions: ReadonlySet<string>;
  /** The claims of own/claims.ts. */
  own: OwnClaims;
};

export type AccessTokenSettings = { issuer: string; audience: string; accessTtl: number };

/** The user of a token, and the claims of own/claims.ts. */
type TokenUser = { id: string; roles: string[]; version: number; own: object };

/** With the session of the token, its epoch and sign-in. */
type TokenSubject = TokenUser & Authentication & { epoch: number; sessionId: string };

/** Signs the access token of a session (RFC 9068) with the active key. @param issuedAt seconds since the epoch */
export function signAccessToken(
  keys: SigningKeys,
  settings: AccessTokenSettings,
  subject: TokenSubject,
  issuedAt: number,
): string {
  return sign(keys, settings, subject, issuedAt, settings.accessTtl, {
    client_id: settings.audience,
    sid: subject.sessionId,
    scope: scopeOf(permissionsOf('person', subject.roles)),
    epoch: subject.epoch,
    auth_time: Math.floor(subject.authTime.getTime() / 1000),
    amr: subject.amr,
    acr: subject.acr,
  });
}

/**
 * The same for a client that showed an API key: the client is the key's owner (RFC 9068 §5), and no sign-in is behind it.
 * @param lifetime in seconds
 */
export function signClientToken(
  keys: SigningKeys,
  settings: AccessTokenSettings,
  subject: TokenUser & { keyId: string; scope: string },
  issuedAt: number,
  lifetime: number,
): string {
  const { id, keyId, scope } = subject;
  return sign(keys, settings, subject, issuedAt, lifetime, { client_id: id, sid: keyId, scope });
}

function sign(
  keys: SigningKeys,
  { issuer, audience }: AccessTokenSettings,
  { id, roles, version, own }: TokenUser,
  issuedAt: number,
  lifetime: number,
  more: Record<string, unknown>,
): string {
  const key = keys.active('access');
  const claims = {
    ...own,
    iss: issuer,
    aud: audience,
    sub: id,
    roles,
    ver: version,
    ...more,
    iat: issuedAt,
    exp: issuedAt + lifetime,
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
  if (!claims.success || claims.data.iat > now + clockTolerance) throw lacksClaim();
  const kind = kindOf(claims.data, settings);
  return { ...claims.data, kid, kind, permissions: permissionsIn(claims.data), own: ownClaimsIn(payload as object) };
}

/** A session's token names the audience as its client; a token that was made from a key names the key's owner. */
function kindOf({ client_id, sub, scope }: Claims, { audience }: AccessTokenSettings): AccessClaims['kind'] {
  if (client_id === audience) return 'session';
  if (client_id !== sub || scope === undefined) throw lacksClaim();
  return 'api_key';
}

// What a person has is never less than what a service user with the same roles has, and the scope was narrowed to that.
function permissionsIn({ scope, roles }: Claims): ReadonlySet<string> {
  const byRoles = permissionsOf('person', roles);
  return scope === undefined ? byRoles : narrowed(scope.split(' '), byRoles);
}

function lacksClaim(): AppError {
  return new AppError('invalid_token', { detail: 'The token lacks a claim that every token of this server has.' });
}
