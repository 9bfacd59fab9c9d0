import type { Db } from '../platform/db/database.js';
import { openWith, type SecretBox, sealWith } from './secret-box.js';
import { labelOf, type SigningKeys } from './signing-keys.js';

/** Seals what the database keeps and the server must read again, such as TOTP secrets. */
export type DataBox = {
  /** @param label is authenticated, so a sealed value cannot be moved to another row */
  seal(plain: Buffer, label: string): Buffer;
  /** @returns undefined if no data key opens it under this label */
  open(sealed: Uint8Array, label: string): Buffer | undefined;
};

const idBytes = 9;

/** AES-256-GCM by the data key, whose id stands in front: the active one seals, every one opens. */
export function dataBox(keys: Pick<SigningKeys, 'active' | 'find'>): DataBox {
  return {
    seal(plain, label) {
      const { kid, privateKey } = keys.active('data');
      return Buffer.concat([Buffer.from(kid, 'base64url'), sealWith(privateKey.export(), plain, label)]);
    },
    open: (sealed, label) => openBy((id) => keys.find('data', id)?.privateKey.export(), sealed, label),
  };
}

/** The same without keys in memory, for reading alone. A key that the secrets do not open is left out. */
export async function readDataBox(db: Db, secrets: SecretBox): Promise<Pick<DataBox, 'open'>> {
  const rows = await db.signingKey.findMany({ where: { purpose: 'data' } });
  const keys = new Map(rows.map((row) => [row.id, secrets.open(row.sealed, labelOf(row))]));
  return { open: (sealed, label) => openBy((id) => keys.get(id), sealed, label) };
}

function openBy(keyOf: (id: string) => Buffer | undefined, sealed: Uint8Array, label: string): Buffer | undefined {
  const bytes = Buffer.from(sealed);
  const key = keyOf(bytes.toString('base64url', 0, idBytes));
  return key && openWith(key, bytes.subarray(idBytes), label);
}
