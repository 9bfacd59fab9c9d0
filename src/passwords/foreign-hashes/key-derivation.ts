import { createCipheriv, pbkdf2, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Expense } from '../../platform/process/gate.js';

/** Cost of scrypt (RFC 7914 §2): N = 2^ln, block size, lanes. */
export type ScryptCost = { ln: number; r: number; p: number };

export type Pbkdf2Digest = 'sha1' | 'sha256' | 'sha512';

/** RFC 7914 §2: N is a power of two, and N < 2^(128 × r / 8). OpenSSL throws beyond. */
export function isScryptDefined({ ln, r, p }: ScryptCost): boolean {
  return Number.isInteger(ln) && ln >= 1 && ln < 16 * r && p >= 1;
}

// The times are those of one core of an ordinary machine.
export function scryptExpense({ ln, r, p }: ScryptCost): Expense {
  const blocks = 2 ** ln * r;
  return { memoryBytes: 128 * (blocks + r * p), milliseconds: (blocks * p * 1000) / 2 ** 21 };
}

const iterationsInMillisecond = { sha1: 2500, sha256: 2500, sha512: 1000 };

export function pbkdf2Expense(iterations: number, hash: Pbkdf2Digest): Expense {
  return { memoryBytes: 0, milliseconds: iterations / iterationsInMillisecond[hash] };
}

function deriveScrypt(password: string, salt: Buffer, { ln, r, p }: ScryptCost, length: number): Promise<Buffer> {
  // As OpenSSL counts it; its default of 32 MiB is too small for many hashes.
  const options = { N: 2 ** ln, r, p, maxmem: 128 * r * (2 ** ln + p + 2) };
  return new Promise((resolve, reject) =>
    scrypt(password, salt, length, options, (error, key) => (error ? reject(error) : resolve(key))),
  );
}

export async function isScrypt(password: string, salt: Buffer, cost: ScryptCost, digest: Buffer): Promise<boolean> {
  return timingSafeEqual(await deriveScrypt(password, salt, cost, digest.length), digest);
}

/** The same for PBKDF2 (RFC 8018 §5.2). */
export async function isPbkdf2(
  password: string,
  salt: Buffer,
  iterations: number,
  hash: Pbkdf2Digest,
  digest: Buffer,
): Promise<boolean> {
  return timingSafeEqual(await promisify(pbkdf2)(password, salt, iterations, digest.length, hash), digest);
}

/**
 * Firebase's modified scrypt (github.com/firebase/scrypt): the derived key encrypts the project's signer key, which
 * gives the hash.
 * @param salt the user's salt, followed by the project's salt separator
 */
export async function isFirebaseScrypt(
  password: string,
  salt: Buffer,
  cost: ScryptCost,
  signerKey: Buffer,
  hash: Buffer,
): Promise<boolean> {
  const key = await deriveScrypt(password, salt, cost, 32);
  // A constant start is safe here: each derived key encrypts only this text.
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  const expected = Buffer.concat([cipher.update(signerKey), cipher.final()]);
  return expected.length === hash.length && timingSafeEqual(expected, hash);
}
