import { createHash, randomBytes } from 'node:crypto';
import type { Transaction } from '../platform/db/database.js';

const count = 10;
const length = 24;

/** Crockford's base32: without the letters that look like others. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * Replaces the user's recovery codes. Call it in a transaction that has locked the user.
 * @returns the new ones, to be told once
 */
export async function makeRecoveryCodes(tx: Transaction, userId: string): Promise<string[]> {
  const codes = Array.from({ length: count }, newRecoveryCode);
  const hashes = codes.map((code) => hashOf(code).toString('hex')).join(',');
  await tx.$executeRaw`
    WITH former AS (DELETE FROM recovery_code WHERE user_id = ${userId}::uuid)
    INSERT INTO recovery_code (user_id, hash, created_at)
    SELECT ${userId}::uuid, decode(hash, 'hex'), clock_timestamp()
    FROM unnest(string_to_array(${hashes}, ',')) AS hash`;
  return codes.map(inGroups);
}

/** The characters of a recovery code, however it was typed; undefined for anything else. */
export function recoveryCharacters(code: string): string | undefined {
  const characters = code.replace(/[\s-]/g, '');
  // Only ASCII may become upper case: "ı" would become I.
  if (!/^[0-9A-Za-z]*$/.test(characters)) return undefined;
  const read = characters.toUpperCase().replace(/[IL]/g, '1').replaceAll('O', '0');
  return read.length === length && [...read].every((one) => alphabet.includes(one)) ? read : undefined;
}

/** What the database keeps of a recovery code. No salt: 120 random bits cannot be guessed (ASVS 6.5.2). */
export function recoveryCodeHash(code: string): Uint8Array<ArrayBuffer> | undefined {
  const characters = recoveryCharacters(code);
  return characters === undefined ? undefined : new Uint8Array(hashOf(characters));
}

function newRecoveryCode(): string {
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join('');
}

function inGroups(characters: string): string {
  return (characters.match(/.{4}/g) ?? []).join('-');
}

function hashOf(characters: string): Buffer {
  return createHash('sha256').update(characters).digest();
}
