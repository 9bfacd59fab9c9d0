import { createSecretKey, randomBytes } from 'node:crypto';
import { beginChain } from '../audit/chain/begin.js';
import type { SigningKey as KeyRow } from '../generated/prisma/client.js';
import type { Transaction } from '../platform/db/database.js';
import { newKeyMaterial } from './material.js';
import type { SecretBox } from './secret-box.js';
import { labelOf } from './signing-keys.js';

// How the id of a key begins whose chain has begun. The sealed bytes are bound to the id, so only who has AUTH_SECRET
// can give a key such an id. The key of an older version has none.
const begun = 'audit-';

export function hasBegun(key: KeyRow | undefined): boolean {
  return key?.id.startsWith(begun) ?? false;
}

/**
 * Makes the key of the audit chain, or gives the key of an older version its new id, and begins the chain in the same
 * transaction. No chain begins if this key alone is missing: then somebody has removed it, and sealing fails until an
 * operator looks.
 */
export async function ensureAuditKey(
  tx: Transaction,
  box: SecretBox,
  rows: KeyRow[],
  active: KeyRow | undefined,
): Promise<void> {
  const id = `${begun}${randomBytes(9).toString('base64url')}`;
  const facts = { id, purpose: 'audit', algorithm: 'HS256' };
  const plain = (active && box.open(active.sealed, labelOf(active))) ?? (await newKeyMaterial('HS256'));
  const sealed = new Uint8Array(box.seal(plain, labelOf(facts)));
  if (active) await tx.signingKey.update({ where: { id: active.id }, data: { id, sealed } });
  else {
    await tx.signingKey.create({ data: { ...facts, sealed } });
    await tx.$executeRaw`UPDATE signing_key SET active_at = clock_timestamp() WHERE id = ${id}`;
  }
  if (active || rows.length === 0) await beginChain(tx, { auditKey: () => createSecretKey(plain) });
}
