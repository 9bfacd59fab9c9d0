import type { DataBox } from '../keys/data-box.js';

/** What the row of an authenticator app keeps: its secret, sealed and bound to the row. @param id the row's */
export function sealTotpSecret(box: Pick<DataBox, 'seal'>, id: string, secret: Uint8Array): Buffer {
  return box.seal(Buffer.from(secret), labelOf(id));
}

/** @returns undefined if it is lost: no data key opens it */
export function openTotpSecret(box: Pick<DataBox, 'open'>, id: string, sealed: Uint8Array): Buffer | undefined {
  return box.open(sealed, labelOf(id));
}

function labelOf(id: string): string {
  return `totp:${id}`;
}
