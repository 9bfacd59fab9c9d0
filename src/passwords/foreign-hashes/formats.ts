import argon2 from 'argon2';
import type { Expense } from '../../platform/process/gate.js';
import { expenseOf, fitsInto, isComputable } from '../hash-cost.js';
import { canonicalPassword } from '../policy.js';
import { bcryptExpense, compareBcrypt } from './bcrypt.js';
import {
  isFirebaseScrypt,
  isPbkdf2,
  isScrypt,
  isScryptDefined,
  type Pbkdf2Digest,
  pbkdf2Expense,
  type ScryptCost,
  scryptExpense,
} from './key-derivation.js';
import { weakFormats } from './weak-formats.js';
import { unwrap } from './wrappers.js';

type Parts = Record<string, string>;

type HashFormat = {
  name: string;
  /** Matches the whole text, and only hashes that can be computed: not one that was cut off. */
  recognise: RegExp;
  /** Undefined if it cannot be computed, at any expense. */
  expense(parts: Parts): Expense | undefined;
  /** @param password exactly the text to compare: the caller or the format normalises it */
  verify(parts: Parts, password: string, hash: string): Promise<boolean>;
};

const base64 = '[A-Za-z\\d+/]';
// Firebase's Admin SDK uses the URL alphabet, its command line the usual one. Node reads both.
const anyBase64 = '[A-Za-z\\d+/_-]';

const digestBytes = { sha1: 20, sha256: 32, sha512: 64 };

const formats: HashFormat[] = [
  {
    name: 'argon2',
    recognise: new RegExp(
      `^\\$argon2(?:id|i|d)(?:\\$v=(?:16|19))?\\$m=(?<m>[1-9]\\d{0,9}),t=(?<t>[1-9]\\d{0,9}),p=(?<p>[1-9]\\d{0,9})\\$${base64}{11,86}\\$${base64}{22,86}$`,
    ),
    expense({ m, t, p }) {
      const cost = { memoryKiB: Number(m), passes: Number(t), parallelism: Number(p) };
      return isComputable(cost) ? expenseOf(cost) : undefined;
    },
    verify: (_, password, hash) => argon2.verify(hash, password),
  },
  {
    name: 'bcrypt',
    recognise: /^\$2[aby]\$(?<cost>0[4-9]|[12]\d|3[01])\$[./A-Za-z\d]{53}$/,
    expense: ({ cost }) => bcryptExpense(Number(cost)),
    verify: (_, password, hash) => compareBcrypt(password, hash),
  },
  scrypt(
    'scrypt',
    `^\\$scrypt\\$ln=(?<ln>[1-9]\\d?),r=(?<r>[1-9]\\d{0,3}),p=(?<p>[1-9]\\d{0,3})\\$(?<salt>${base64}{2,86})={0,2}\\$(?<digest>${base64}{43}|${base64}{86})={0,2}$`,
    ({ salt }) => bytes(salt),
  ),
  {
    name: 'Firebase scrypt',
    recognise: new RegExp(
      `^\\$fbscrypt\\$v=1,n=(?<ln>[1-9]\\d?),r=(?<r>[1-9]\\d{0,3}),p=(?<p>1),ss=(?<separator>${anyBase64}{0,86})={0,2},sk=(?<key>${anyBase64}{86})={0,2}\\$(?<salt>${anyBase64}{2,86})={0,2}\\$(?<digest>${anyBase64}{86})={0,2}$`,
    ),
    expense: (parts) => expenseOfScrypt(scryptCost(parts)),
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
    expense: () => expenseOfScrypt({ ln: 14, r: 16, p: 1 }),
    // The salt is used as text, and the password is normalised by NFKC.
    verify: ({ salt = '', digest = '' }, password) =>
      isScrypt(password.normalize('NFKC'), Buffer.from(salt), { ln: 14, r: 16, p: 1 }, Buffer.from(digest, 'hex')),
  },
  scrypt(
    'Django scrypt',
    `^scrypt\\$(?<n>[1-9]\\d{0,9})\\$(?<salt>[!-#%-~]{1,128})\\$(?<r>[1-9]\\d{0,3})\\$(?<p>[1-9]\\d{0,3})\\$(?<digest>${base64}{86})={0,2}$`,
    ({ salt = '' }) => Buffer.from(salt),
  ),
  scrypt(
    'Werkzeug scrypt',
    '^scrypt:(?<n>[1-9]\\d{0,9}):(?<r>[1-9]\\d{0,3}):(?<p>[1-9]\\d{0,3})\\$(?<salt>[!-#%-~]{1,128})\\$(?<hex>[\\da-f]{128})$',
    ({ salt = '' }) => Buffer.from(salt),
  ),
  scrypt(
    'Spring scrypt',
    `^\\$(?<params>[\\da-f]{5,6})\\$(?<salt>${base64}{22,86})={0,2}\\$(?<digest>${base64}{43}|${base64}{86})={0,2}$`,
    ({ salt }) => bytes(salt),
  ),
  djangoPbkdf2('sha1', 27),
  djangoPbkdf2('sha256', 43),
  djangoPbkdf2('sha512', 86),
  ...(['sha1', 'sha256', 'sha512'] as const).flatMap((digest) => [werkzeugPbkdf2(digest), passlibPbkdf2(digest)]),
  {
    name: 'ASP.NET Identity',
    recognise: new RegExp(`^(?<whole>AQAAAA${base64}{66,200}={0,2})$`),
    expense(parts) {
      const read = readAspNet(parts);
      return read && pbkdf2Expense(read.iterations, read.hash);
    },
    async verify(parts, password) {
      const read = readAspNet(parts);
      return read !== undefined && isPbkdf2(password, read.salt, read.iterations, read.hash, read.digest);
    },
  },
];

function scrypt(name: string, pattern: string, saltOf: (parts: Parts) => Buffer): HashFormat {
  return {
    name,
    recognise: new RegExp(pattern),
    expense: (parts) => expenseOfScrypt(scryptCost(parts)),
    verify: (parts, password) =>
      isScrypt(
        password,
        saltOf(parts),
        scryptCost(parts),
        parts.hex === undefined ? bytes(parts.digest) : Buffer.from(parts.hex, 'hex'),
      ),
  };
}

/** PBKDF2 as Django stores it; the salt is used as text. @param length of the base64 digest, without padding */
function djangoPbkdf2(digest: Pbkdf2Digest, length: number): HashFormat {
  return pbkdf2(
    `PBKDF2 with ${digest}`,
    `^pbkdf2_${digest}\\$(?<iterations>[1-9]\\d{0,9})\\$(?<salt>[!-#%-~]{1,128})\\$(?<digest>${base64}{${length}})={0,2}$`,
    digest,
    ({ salt = '', digest = '' }) => [Buffer.from(salt), bytes(digest)],
  );
}

/** The salt is used as text, the digest is hexadecimal. */
function werkzeugPbkdf2(digest: Pbkdf2Digest): HashFormat {
  return pbkdf2(
    `Werkzeug PBKDF2 with ${digest}`,
    `^pbkdf2:${digest}:(?<iterations>[1-9]\\d{0,9})\\$(?<salt>[!-#%-~]{1,128})\\$(?<digest>[\\da-f]{${2 * digestBytes[digest]}})$`,
    digest,
    ({ salt = '', digest = '' }) => [Buffer.from(salt), Buffer.from(digest, 'hex')],
  );
}

/** passlib writes a dot for the plus sign of base64. Keycloak makes 64 bytes with sha256, too. */
function passlibPbkdf2(digest: Pbkdf2Digest): HashFormat {
  const characters = '[A-Za-z\\d./+]';
  const lengths = { sha1: '{27}', sha256: `{43}|${characters}{86}`, sha512: '{86}' };
  return pbkdf2(
    `passlib PBKDF2 with ${digest}`,
    `^\\$pbkdf2${digest === 'sha1' ? '' : `-${digest}`}\\$(?<iterations>[1-9]\\d{0,9})\\$(?<salt>${characters}{2,200})\\$(?<digest>${characters}${lengths[digest]})$`,
    digest,
    ({ salt = '', digest = '' }) => [bytes(salt.replaceAll('.', '+')), bytes(digest.replaceAll('.', '+'))],
  );
}

function pbkdf2(
  name: string,
  pattern: string,
  hash: Pbkdf2Digest,
  read: (parts: Parts) => [salt: Buffer, digest: Buffer],
): HashFormat {
  return {
    name,
    recognise: new RegExp(pattern),
    expense: ({ iterations }) => pbkdf2Expense(Number(iterations), hash),
    verify(parts, password) {
      const [salt, digest] = read(parts);
      return isPbkdf2(password, salt, Number(parts.iterations), hash, digest);
    },
  };
}

/** Version 3: a byte of 1, then three numbers (function, iterations, length of the salt), the salt and the digest. */
function readAspNet({ whole }: Parts) {
  const all = bytes(whole);
  const hash = (['sha1', 'sha256', 'sha512'] as const)[all.readUInt32BE(1)];
  const iterations = all.readUInt32BE(5);
  const digestAt = 13 + all.readUInt32BE(9);
  // ASP.NET makes 32 bytes. Fewer would be a hash that was cut off.
  if (!hash || iterations === 0 || digestAt < 13 + 8 || all.length !== digestAt + 32) return undefined;
  return { hash, iterations, salt: all.subarray(13, digestAt), digest: all.subarray(digestAt) };
}

function scryptCost({ ln, n, r, p, params }: Parts): ScryptCost {
  if (params !== undefined) {
    const packed = Number.parseInt(params, 16);
    return { ln: packed >> 16, r: (packed >> 8) & 255, p: packed & 255 };
  }
  return { ln: n === undefined ? Number(ln) : Math.log2(Number(n)), r: Number(r), p: Number(p) };
}

function expenseOfScrypt(cost: ScryptCost): Expense | undefined {
  return isScryptDefined(cost) ? scryptExpense(cost) : undefined;
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

type ForeignHashes = {
  /** Why a hash cannot be imported and what to do, in sentences without the hash; undefined if it can. */
  objectionTo(hash: string): string | undefined;
  /** @returns undefined for our own hashes, unknown formats and too expensive hashes */
  importedHash(stored: string): ImportedHash | undefined;
  isTooDear(stored: string): boolean;
};

type ImportedHash = { expense: Expense; matches(password: string): Promise<boolean> };

const WAY_OUT = 'Leave password_hash out: the user chooses a new password by mail.';

/**
 * @param ceiling what one comparison may cost
 * @param pepper what another system added to each password
 */
export function createForeignHashes(ceiling: Expense, pepper?: string): ForeignHashes {
  const fits = ({ expense }: { expense: Expense | undefined }) => expense !== undefined && fitsInto(expense, ceiling);
  return {
    isTooDear(stored) {
      const found = read(unwrap(withoutMark(stored)).inner);
      return found !== undefined && !fits(found);
    },
    objectionTo(hash) {
      const { inner, needsPepper } = unwrap(hash);
      if (needsPepper && pepper === undefined) return 'The hash needs its pepper: set IMPORTED_PEPPER.';
      const found = read(inner);
      if (found && fits(found)) return undefined;
      if (found) return `The ${found.format.name} hash costs more than its bound: ${boundsOf(ceiling)}. ${WAY_OUT}`;
      const weak = weakFormats.find(({ recognise }) => recognise.test(inner));
      if (weak) return `A hash of ${weak.name} cannot be imported: ${weak.why}. ${WAY_OUT}`;
      return `The format of the hash is not known. Known are: ${formats.map(({ name }) => name).join(', ')}. ${WAY_OUT}`;
    },
    importedHash(stored) {
      if (stored.startsWith('$argon2id$')) return undefined;
      const { inner, prepare, needsPepper } = unwrap(withoutMark(stored));
      if (needsPepper && pepper === undefined) return undefined;
      const found = read(inner);
      if (!found?.expense || !fitsInto(found.expense, ceiling)) return undefined;
      const { format, parts, expense } = found;
      return { expense, matches: async (password) => format.verify(parts, prepare(password, pepper ?? ''), inner) };
    },
  };
}

function boundsOf({ memoryBytes, milliseconds }: Expense): string {
  return `about ${milliseconds / 1000} s and ${Math.floor(memoryBytes / 2 ** 20)} MiB for one login`;
}

/** In NFC, then as typed: some systems did not normalise. @param inTurn passes each hash through the gate */
export async function matchesImported(
  { matches }: ImportedHash,
  password: string,
  inTurn: (work: () => Promise<boolean>) => Promise<boolean>,
): Promise<boolean> {
  const canonical = canonicalPassword(password);
  if (await inTurn(() => matches(canonical))) return true;
  return canonical !== password && (await inTurn(() => matches(password)));
}

function read(hash: string): { format: HashFormat; parts: Parts; expense: Expense | undefined } | undefined {
  for (const format of formats) {
    const match = format.recognise.exec(hash);
    if (!match) continue;
    const parts = { ...match.groups };
    return { format, parts, expense: format.expense(parts) };
  }
  return undefined;
}
