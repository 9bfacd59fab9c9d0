import { AppError } from '../errors.js';
import { isCommon, withoutSeparators, wordsOf } from './common-passwords.js';

/** Longer ones add nothing but work, and a bound keeps the checks below cheap (ASVS 6.2.9 asks for at least 64). */
const MAX_LENGTH = 128;

/** Names of the product, banned from passwords made of little else (ASVS 6.1.2, 6.2.11). */
const PRODUCT_NAMES = ['gatelatch'];

/** Up to so many letters beside a name don't make a password: `gatelatch-gatelatch-xy`. */
const TINY = 3;

/** The user whose password it will be. */
export type PasswordOwner = { username: string; email?: string | null | undefined };

/**
 * The form in which passwords are counted, hashed and compared: NFC, because keyboards differ in how they compose an
 * `é` (NIST SP 800-63B-4 §3.1.1.2 asks for a normalisation). Nothing is trimmed, cut or folded (ASVS 6.2.8).
 */
export function canonicalPassword(password: string): string {
  return password.normalize('NFC');
}

/**
 * False for text with half a surrogate pair: UTF-8 can't hold one, so that argon2 would get U+FFFD for each of them and
 * find two different passwords equal.
 */
export function isWellFormed(password: string): boolean {
  return !/\p{Surrogate}/u.test(password);
}

/**
 * Judges a new password; never used at login. Any character is fine and no kind of character is asked for
 * (NIST SP 800-63B-4 §3.1.1.2; ASVS 6.2.1, 6.2.4, 6.2.5, 6.2.9, 6.2.11).
 * @param owner the username and e-mail that the password may not be made of
 * @param minLength in code points after NFC, as is the upper bound of 128
 * @returns undefined for a good one, otherwise the reason, as a sentence to show; it never holds the password
 */
export function checkNewPassword(
  password: string,
  owner: PasswordOwner,
  { minLength }: { minLength: number },
): string | undefined {
  if (!isWellFormed(password)) return 'The password holds half of a character (an unpaired surrogate).';
  const length = [...canonicalPassword(password)].length;
  if (length < minLength) return `The password has ${length} characters; at least ${minLength} are needed.`;
  if (length > MAX_LENGTH) return `The password has ${length} characters; at most ${MAX_LENGTH} are possible.`;
  if (isCommon(password))
    return 'The password is a common one, perhaps with digits or repeats added, and would be guessed among the first.';
  if (isMadeOfNames(password, owner))
    return 'The password is made of your username, your e-mail address or the name of this service.';
  return undefined;
}

/**
 * {@link checkNewPassword} for a request.
 * @param path the field that the password is in
 * @throws AppError validation_failed with the reason
 */
export function requireGoodPassword(
  path: string,
  password: string,
  owner: PasswordOwner,
  settings: { minLength: number },
): void {
  const message = checkNewPassword(password, owner, settings);
  if (message) throw new AppError('validation_failed', { errors: [{ path, message }] });
}

/**
 * Whether the names leave nothing of their own to the password: only digits, separators, up to three letters, or a
 * common password. A passphrase that has a name for one of its words is fine.
 */
function isMadeOfNames(password: string, owner: PasswordOwner): boolean {
  const whole = withoutSeparators(password);
  const rest = namesOf(owner).reduce((text, name) => text.replaceAll(name, ''), whole);
  if (rest === whole) return false;
  // Digits are padding beside a name, but a name of digits must not turn a password of digits into padding.
  const nameHadLetters = withoutDigits(rest) !== withoutDigits(whole);
  return isTiny(rest) || (nameHadLetters && isTiny(withoutDigits(rest))) || isCommon(rest);
}

/** Longest first, so that a name goes before its parts; parts of one or two characters would eat into any text. */
function namesOf({ username, email }: PasswordOwner): string[] {
  const [local = '', domain = ''] = (email ?? '').split(/@(?=[^@]*$)/);
  const names = [...PRODUCT_NAMES, username, email ?? '', local, domain];
  return [...names.map(withoutSeparators), ...names.flatMap(wordsOf)]
    .filter((name) => name.length >= 3)
    .sort((a, b) => b.length - a.length);
}

function withoutDigits(text: string): string {
  return text.replace(/\p{N}/gu, '');
}

function isTiny(rest: string): boolean {
  return [...rest].length <= TINY;
}
