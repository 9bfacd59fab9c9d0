import { createCipheriv, pbkdf2, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

/** Cost of scrypt (RFC 7914 §2): N = 2^ln, block size, lanes. */
export type ScryptCost = { ln: number; r: number; p: number };

export type Pbkdf2Digest = 'sha1' | 'sha256' | 'sha512';

const MAX_SCRYPT_BYTES = 256 * 2 ** 20;
const MAX_SCRYPT_LANES = 16;
const MAX_SCRYPT_WORK = 2 ** 22;

export const SCRYPT_LIMITS = '256 MiB (128 × r × N), p=16, and N × r × p = 2^22';

/** Whether an imported scrypt hash may cost this much: twice the memory of OWASP's strongest setting, 1 to 2 s. */
export function scryptFits({ ln, r, p }: ScryptCost): boolean {
  const blocks = 2 ** ln * r;
  // RFC 7914 §2: N < 2^(128 × r / 8). OpenSSL throws beyond.
  const isDefined = ln < 16 * r;
  return isDefined && 128 * blocks <= MAX_SCRYPT_BYTES && p <= MAX_SCRYPT_LANES && blocks * p <= MAX_SCRYPT_WORK;
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
