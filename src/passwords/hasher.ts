import { randomBytes } from 'node:crypto';
import argon2 from 'argon2';
import type { Gate } from '../platform/process/gate.js';
import { importedHash, matchesImported } from './foreign-hashes/formats.js';
import { type HashCost, isWithinLimits } from './hash-cost.js';
import { canonicalPassword, isWellFormed } from './policy.js';

export type Passwords = {
  /**
   * Hashes a password that `checkNewPassword` accepted.
   * @param address takes its turn at the gate; none for the operator
   * @returns a PHC string of argon2id (16 bytes of salt, 32 of hash)
   * @throws AppError `overloaded`; TypeError for text that is not well-formed
   */
  hash(password: string, address?: string): Promise<string>;
  /**
   * Compares the whole password, in NFC and otherwise as received (ASVS 6.2.8). Every answer costs one hash, so timing
   * reveals neither whether the user exists nor whether the stored hash is valid. An imported hash has its own cost,
   * twice if the password is not in NFC, until the first login replaces it.
   * @param stored undefined for an unknown user
   * @returns false also for an unknown format or a too expensive hash (fail closed, ASVS 11.2.5)
   * @throws AppError `overloaded`
   */
  verify(stored: string | undefined, password: string, address?: string): Promise<boolean>;
  /** Whether a stored hash is imported, or uses less memory or fewer passes than new hashes (ASVS 11.2.2). */
  isOutdated(stored: string): boolean;
};

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/**
 * The only place that hashes passwords: argon2id (RFC 9106), always through the gate.
 * @param cost must pass {@link isWithinLimits}, or its hashes could not be verified
 */
export function createPasswords({ cost, gate }: { cost: HashCost; gate: Gate }): Passwords {
  const decoy = decoyHash(cost);

  return {
    async hash(password, address = '') {
      if (!isWellFormed(password)) throw new TypeError('The password is not well-formed Unicode.');
      return gate.run(address, () => argon2.hash(canonicalPassword(password), argon2Options(cost)));
    },
    async verify(stored, password, address = '') {
      const matches = stored !== undefined && isWellFormed(password) && importedHash(stored);
      if (matches) return matchesImported(matches, password, (work) => gate.run(address, work));
      const comparable = isVerifiable(stored) && isWellFormed(password);
      const digest = comparable ? stored : decoy;
      return (await gate.run(address, () => argon2.verify(digest, canonicalPassword(password)))) && comparable;
    },
    isOutdated(stored) {
      const storedCost = readCost(stored);
      return !storedCost || storedCost.memoryKiB < cost.memoryKiB || storedCost.passes < cost.passes;
    },
  };
}

function argon2Options(cost: HashCost) {
  return {
    type: argon2.argon2id,
    memoryCost: cost.memoryKiB,
    timeCost: cost.passes,
    parallelism: cost.parallelism,
    salt: randomBytes(SALT_BYTES),
    hashLength: HASH_BYTES,
  };
}

/** Random bytes without a known password; comparing takes as long as with a real hash. */
function decoyHash(cost: HashCost): string {
  const [salt, digest] = [SALT_BYTES, HASH_BYTES].map((size) =>
    randomBytes(size).toString('base64').replace(/=+$/, ''),
  );
  return `$argon2id$v=19$${costParams(cost)}$${salt}$${digest}`;
}

function costParams({ memoryKiB, passes, parallelism }: HashCost): string {
  return `m=${memoryKiB},t=${passes},p=${parallelism}`;
}

/** The cost in a PHC string of argon2id, version 1.3, with at least 8 bytes of salt and 16 bytes of hash. */
function readCost(stored: string): HashCost | undefined {
  const phc =
    /^\$argon2id\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,9})\$[A-Za-z\d+/]{11,86}\$[A-Za-z\d+/]{22,86}$/;
  const [memoryKiB, passes, parallelism] = (phc.exec(stored) ?? []).slice(1).map(Number);
  if (!memoryKiB || !passes || !parallelism) return undefined;
  return { memoryKiB, passes, parallelism };
}

function isVerifiable(stored: string | undefined): stored is string {
  const cost = stored === undefined ? undefined : readCost(stored);
  return cost !== undefined && isWithinLimits(cost);
}
