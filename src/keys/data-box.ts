import { openWith, sealWith } from './secret-box.js';
import type { SigningKeys } from './signing-keys.js';

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
    open(sealed, label) {
      const bytes = Buffer.from(sealed);
      const key = keys.find('data', bytes.toString('base64url', 0, idBytes));
      return key && openWith(key.privateKey.export(), bytes.subarray(idBytes), label);
    },
  };
}
