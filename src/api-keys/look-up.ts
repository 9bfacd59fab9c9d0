import { timingSafeEqual } from 'node:crypto';
import { AppError } from '../errors.js';
import { Prisma } from '../generated/prisma/client.js';
import { narrowed, permissionsOf, scopeOf } from '../permissions/permissions.js';
import type { Db } from '../platform/db/database.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import type { SessionsDeps } from '../sessions/start.js';
import { kindOf } from '../users/users.js';
import type { PresentedKey } from './format.js';

/** A key with its owner, as one statement reads it. The owner's columns are null once the row is gone. */
export type KeyRow = {
  id: string;
  userId: string;
  secretHash: Uint8Array;
  scopes: string[];
  createdAt: Date;
  expiresAt: Date | null;
  revokedAt: Date | null;
  kind: string | null;
  roles: string[] | null;
  version: number | null;
  username: string | null;
  email: string | null;
  emailVerifiedAt: Date | null;
  ownerSince: Date | null;
  disabledAt: Date | null;
  isOwnerGone: boolean;
};

/** The columns of {@link KeyRow} in the rows `k`, and `u` or nothing. */
export const keyColumns = Prisma.sql`k.id, k.user_id AS "userId", k.secret_hash AS "secretHash", k.scopes,
  k.created_at AS "createdAt", k.expires_at AS "expiresAt", k.revoked_at AS "revokedAt", u.kind, u.roles, u.version,
  u.username, u.email, u.email_verified_at AS "emailVerifiedAt", u.created_at AS "ownerSince", u.disabled_at AS "disabledAt", (u.id IS NULL OR u.deleted_at IS NOT NULL) AS "isOwnerGone"`;

export async function findKey(db: Db, id: string): Promise<KeyRow | undefined> {
  const [row] = await db.direct<KeyRow>(Prisma.sql`
    SELECT ${keyColumns} FROM api_key k LEFT JOIN "user" u ON u.id = k.user_id WHERE k.id = ${id}::uuid`);
  return row;
}

export type OwnClaimsOf = SessionsDeps['ownClaims'];

/**
 * What a key opens now.
 * @param ownClaims of its owner
 * @throws AppError invalid_token for an unknown key or a wrong secret, before anything is told of the key;
 *   api_key_revoked, token_expired, account_disabled
 */
export function claimsOf(row: KeyRow | undefined, { secretHash }: PresentedKey, ownClaims: OwnClaimsOf): AccessClaims {
  if (!row || !timingSafeEqual(row.secretHash, secretHash)) throw new AppError('invalid_token');
  if (row.revokedAt || row.isOwnerGone) throw new AppError('api_key_revoked');
  if (row.expiresAt && row.expiresAt.getTime() <= Date.now())
    throw new AppError('token_expired', { detail: 'The API key has expired.' });
  if (row.disabledAt) throw new AppError('account_disabled');
  const roles = row.roles ?? [];
  const permissions = narrowed(row.scopes, permissionsOf(kindOf({ kind: row.kind ?? '' }), roles));
  return {
    kind: 'api_key',
    client_id: row.userId,
    sub: row.userId,
    sid: row.id,
    jti: row.id,
    kid: '',
    roles,
    ver: row.version ?? 0,
    scope: scopeOf(permissions),
    permissions,
    own: ownClaims(ownerOf(row)),
    iat: Math.floor(row.createdAt.getTime() / 1000),
    exp: row.expiresAt ? Math.floor(row.expiresAt.getTime() / 1000) : Number.MAX_SAFE_INTEGER,
    // No sign-in is behind a key, so it meets no demand for one.
    epoch: 0,
    amr: [],
    acr: 'aal1',
    auth_time: 0,
  };
}

/** Whoever has not gone has all of these. */
function ownerOf({ userId: id, kind, username, email, emailVerifiedAt, roles, ownerSince }: KeyRow) {
  const createdAt = ownerSince ?? new Date(0);
  return { id, kind: kind ?? '', username: username ?? '', email, emailVerifiedAt, roles: roles ?? [], createdAt };
}
