import { validate as isUuid } from 'uuid';
import { readApiKey } from '../api-keys/format.js';
import { claimsOf, type KeyRow, keyColumns } from '../api-keys/look-up.js';
import type { Deps } from '../deps.js';
import { Prisma } from '../generated/prisma/client.js';
import type { AccessClaims } from '../sessions/access-tokens.js';
import type { ShownClient } from './credentials.js';

/** A client that may have a token now. `issuedAt` is in seconds since 1970, `lifetime` in seconds. */
export type Client = { claims: AccessClaims; issuedAt: number; lifetime: number };

/**
 * The client, if its key is live and its owner enabled. The same statement notes how long a token that is made now will be
 * good. An ending of the key changes the same row: it sees that time, or it comes first and there is no token.
 * @returns undefined whatever is wrong
 */
export async function authenticate(deps: Deps, { id, key }: ShownClient): Promise<Client | undefined> {
  const shown = deps.config.apiKeys.on && isUuid(id) ? readApiKey(key) : undefined;
  if (!shown) return undefined;
  const issuedAt = Math.floor(Date.now() / 1000);
  const { accessTtl } = deps.config.tokens;
  // A key's last second is too short for a token.
  const [row] = await deps.db.direct<KeyRow>(Prisma.sql`
    UPDATE api_key k SET access_expires_at =
      greatest(k.access_expires_at, least(${new Date((issuedAt + accessTtl) * 1000)}::timestamptz, k.expires_at))
    FROM "user" u
    WHERE k.id = ${shown.id}::uuid AND k.user_id = ${id}::uuid AND k.secret_hash = ${shown.secretHash}
      AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at >= ${new Date((issuedAt + 1) * 1000)}::timestamptz)
      AND u.id = k.user_id AND u.disabled_at IS NULL AND u.deleted_at IS NULL
    RETURNING ${keyColumns}`);
  if (!row) return undefined;
  const claims = claimsOf(row, shown, deps.ownClaims);
  deps.apiKeys.noteGood(shown, claims);
  return { claims, issuedAt, lifetime: Math.min(accessTtl, claims.exp - issuedAt) };
}
