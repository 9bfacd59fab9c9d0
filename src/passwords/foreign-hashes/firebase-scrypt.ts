import { createCipheriv, timingSafeEqual } from 'node:crypto';
import { deriveScrypt, type ScryptCost } from './key-derivation.js';

/**
 * Firebase's modified scrypt (github.com/firebase/scrypt): the derived key encrypts the project's signer key, and what
 * comes out is the hash.
 * @param salt the user's, followed by the project's salt separator
 */
export async function isFirebaseScrypt(
  password: string,
  salt: Buffer,
  cost: ScryptCost,
  signerKey: Buffer,
  hash: Buffer,
): Promise<boolean> {
  const key = await deriveScrypt(password, salt, cost, 32);
  // A constant start is right here: each derived key encrypts this one text.
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const expected = Buffer.concat([cipher.update(signerKey), cipher.final()]);
  return expected.length === hash.length && timingSafeEqual(expected, hash);
}
