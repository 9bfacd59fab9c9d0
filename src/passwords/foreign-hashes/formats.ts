import argon2 from 'argon2';
import { HASH_COST_LIMITS, isWithinLimits } from '../hash-cost.js';
import { canonicalPassword } from '../policy.js';
import { compareBcrypt } from './bcrypt.js';
import {
  isFirebaseScrypt,
  isPbkdf2,
  isScrypt,
  type Pbkdf2Digest,
  SCRYPT_LIMITS,
  type ScryptCost,
  scryptFits,
} from './key-derivation.js';

type Parts = Record<string, string>;

type HashFormat = {
  name: string;
  /** Matches the whole text, and only hashes that can be computed: not one that was cut off. */
  recognise: RegExp;
  /** Whether it costs at most `limit`; checked before anything is computed. */
  isWithinLimits(parts: Parts): boolean;
  limit: string;
  /** @param password exactly the text to compare: the caller or the format normalises it */
  verify(parts: Parts, password: string, hash: string): Promise<boolean>;
};

const base64 = '[A-Za-z\\d+/]';
// Firebase's Admin SDK uses the URL alphabet, its command line the usual one. Node reads both.
const anyBase64 = '[A-Za-z\\d+/_-]';

const formats: HashFormat[] = [
  {
    name: 'argon2',
    recognise: new RegExp(
      `^\\$argon2(?:id|i|d)(?:\\$v=(?:16|19))?\\$m=(?<m>[1-9]\\d{0,9}),t=(?<t>[1-9]\\d{0,9}),p=(?<p>[1-9]\\d{0,9})\\$${base64}{11,86}\\$${base64}{22,86}$`,
    ),
    isWithinLimits: ({ m, t, p }) =>
      isWithinLimits({ memoryKiB: Number(m), passes: Number(t), parallelism: Number(p) }),
    limit: `m=${HASH_COST_LIMITS.memoryKiB}, t=${HASH_COST_LIMITS.passes}, p=${HASH_COST_LIMITS.parallelism}, and m at least 8 × p`,
    verify: (_, password, hash) => argon2.verify(hash, password),
  },
  {
    name: 'bcrypt',
    recognise: /^\$2[aby]\$(?<cost>0[4-9]|[12]\d|3[01])\$[./A-Za-z\d]{53}$/,
    // JavaScript; each step doubles the time: 15 takes 2 to 3 s.
    isWithinLimits: ({ cost }) => Number(cost) <= 15,
    limit: 'cost 15',
    verify: (_, password, hash) => compareBcrypt(password, hash),
  },
  {
    name: 'scrypt',
    recognise: new RegExp(
      `^\\$scrypt\\$ln=(?<ln>[1-9]\\d?),r=(?<r>[1-9]\\d{0,3}),p=(?<p>[1-9]\\d{0,3})\\$(?<salt>${base64}{2,86})={0,2}\\$(?<digest>${base64}{43}|${base64}{86})={0,2}$`,
    ),
    isWithinLimits: (parts) => scryptFits(scryptCost(parts)),
    limit: SCRYPT_LIMITS,
    verify: (parts, password) => isScrypt(password, bytes(parts.salt), scryptCost(parts), bytes(parts.digest)),
  },
  {
    name: 'Firebase scrypt',
    recognise: new RegExp(
      `^\\$fbscrypt\\$v=1,n=(?<ln>[1-9]\\d?),r=(?<r>[1-9]\\d{0,3}),p=(?<p>1),ss=(?<separator>${anyBase64}{0,86})={0,2},sk=(?<key>${anyBase64}{86})={0,2}\\$(?<salt>${anyBase64}{2,86})={0,2}\\$(?<digest>${anyBase64}{86})={0,2}$`,
    ),
    isWithinLimits: (parts) => scryptFits(scryptCost(parts)),
    limit: SCRYPT_LIMITS,
    verify: (parts, password) =>
      isFirebaseScrypt(
        password,
        Buffer.concat([bytes(parts.salt), bytes(parts.separator)]),
        scryptCost(parts),
        bytes(parts.key),
        bytes(parts.digest),
      ),
  },
  {
    name: 'better-auth scrypt',
    recognise: /^(?<salt>[\da-f]{32}):(?<digest>[\da-f]{128})$/,
    isWithinLimits: () => true,
    limit: SCRYPT_LIMITS,
    // The salt is used as text, and the password is normalised by NFKC.
    verify: ({ salt = '', digest = '' }, password) =>
      isScrypt(password.normalize('NFKC'), Buffer.from(salt), { ln: 14, r: 16, p: 1 }, Buffer.from(digest, 'hex')),
  },
  pbkdf2('sha1', 27),
  pbkdf2('sha256', 43),
  pbkdf2('sha512', 86),
];

/** PBKDF2 as Django stores it; the salt is used as text. @param length of the base64 digest, without padding */
function pbkdf2(digest: Pbkdf2Digest, length: number): HashFormat {
  return {
    name: `PBKDF2 with ${digest}`,
    recognise: new RegExp(
      `^pbkdf2_${digest}\\$(?<iterations>[1-9]\\d{0,9})\\$(?<salt>[!-#%-~]{1,128})\\$(?<digest>${base64}{${length}})={0,2}$`,
    ),
    // Django 6 uses 1.2 million; this limit takes a few seconds.
    isWithinLimits: ({ iterations }) => Number(iterations) <= 5_000_000,
    limit: '5000000 iterations',
    verify: (parts, password) =>
      isPbkdf2(password, Buffer.from(parts.salt ?? ''), Number(parts.iterations), digest, bytes(parts.digest)),
  };
}

function scryptCost({ ln, r, p }: Parts): ScryptCost {
  return { ln: Number(ln), r: Number(r), p: Number(p) };
}

function bytes(text = ''): Buffer {
  return Buffer.from(text, 'base64');
}

/** Tells an imported argon2id hash, perhaps made without NFC, from our own. */
const MARK = '$imported';

/** An imported hash as stored until the user's first successful login. */
export function markImported(hash: string): string {
  return hash.startsWith('$argon2id$') ? MARK + hash : hash;
}

/** The hash as imported; our own hashes are returned unchanged. */
export function withoutMark(stored: string): string {
  return stored.startsWith(`${MARK}$`) ? stored.slice(MARK.length) : stored;
}

/** Why a hash cannot be imported, in a sentence without the hash; undefined if it can. */
export function objectionTo(hash: string): string | undefined {
  const found = read(hash);
  if (!found) return `The format of the hash is not known. Known are: ${formats.map(({ name }) => name).join(', ')}.`;
  if (found.format.isWithinLimits(found.parts)) return undefined;
  return `The ${found.format.name} hash costs more than its bound: ${found.format.limit}.`;
}

/** @returns undefined for our own hashes, unknown formats and too expensive hashes */
export function importedHash(stored: string): ((password: string) => Promise<boolean>) | undefined {
  if (stored.startsWith('$argon2id$')) return undefined;
  const hash = withoutMark(stored);
  const found = read(hash);
  if (!found?.format.isWithinLimits(found.parts)) return undefined;
  return (password) => found.format.verify(found.parts, password, hash);
}

/** In NFC, then as typed: some systems did not normalise. @param inTurn passes each hash through the gate */
export async function matchesImported(
  matches: (password: string) => Promise<boolean>,
  password: string,
  inTurn: (work: () => Promise<boolean>) => Promise<boolean>,
): Promise<boolean> {
  const canonical = canonicalPassword(password);
  if (await inTurn(() => matches(canonical))) return true;
  return canonical !== password && (await inTurn(() => matches(password)));
}

function read(hash: string): { format: HashFormat; parts: Parts } | undefined {
  for (const format of formats) {
    const match = format.recognise.exec(hash);
    if (match) return { format, parts: { ...match.groups } };
  }
  return undefined;
}
