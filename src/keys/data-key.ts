import { randomBytes } from 'node:crypto';
import type { SigningKey as KeyRow } from '../generated/prisma/client.js';
import type { Transaction } from '../platform/db/database.js';
import { newKeyMaterial } from './material.js';
import type { SecretBox } from './secret-box.js';
import { labelOf } from './signing-keys.js';

// It encrypts, but versions before it read every key at their start, and know 32 bytes by no other name. Its purpose says
// what it is for.
const algorithm = 'HS256';

export function isReadByAll(key: KeyRow | undefined): boolean {
  return key?.algorithm === algorithm;
}

/** Makes the data key, or writes one that was stored as A256GCM in the form that older versions can read. */
export async function ensureDataKey(tx: Transaction, box: SecretBox, active: KeyRow | undefined): Promise<void> {
  if (isReadByAll(active)) return;
  const id = active?.id ?? randomBytes(9).toString('base64url');
  const facts = { id, purpose: 'data', algorithm };
  const plain = (active && box.open(active.sealed, labelOf(active))) ?? (await newKeyMaterial(algorithm));
  const sealed = new Uint8Array(box.seal(plain, labelOf(facts)));
  if (active) await tx.signingKey.update({ where: { id }, data: { algorithm, sealed } });
  else {
    await tx.signingKey.create({ data: { ...facts, sealed } });
    await tx.$executeRaw`UPDATE signing_key SET active_at = clock_timestamp() WHERE id = ${id}`;
  }
}
