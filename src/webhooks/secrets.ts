import { randomBytes } from 'node:crypto';
import type { DataBox } from '../keys/data-box.js';

/** A new secret as Standard Webhooks writes it, and its 32 bytes. */
export function newSecret(): { text: string; bytes: Buffer } {
  const bytes = randomBytes(32);
  return { text: `whsec_${bytes.toString('base64')}`, bytes };
}

/** What the webhook's row keeps: sealed and bound to the row. @param id the row's */
export function sealSecret(box: Pick<DataBox, 'seal'>, id: string, secret: Buffer): Buffer {
  return box.seal(secret, labelOf(id));
}

/** The 32 bytes that sign. @returns undefined if they are lost: no data key opens them */
export function openSecret(box: Pick<DataBox, 'open'>, id: string, sealed: Uint8Array): Buffer | undefined {
  return box.open(sealed, labelOf(id));
}

function labelOf(id: string): string {
  return `webhook:${id}`;
}
