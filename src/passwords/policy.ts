import { AppError } from '../errors.js';
import { isCommon, withoutSeparators, wordsOf } from './common-passwords.js';

/** Longer passwords only cost work; the bound keeps the checks below fast (ASVS 6.2.9 asks for at least 64). */
const MAX_LENGTH = 128;

/** Product names, refused in passwords made of little else (ASVS 6.1.2, 6.2.11). */
const PRODUCT_NAMES = ['gatelatch'];

/** Up to this many letters beside a name do not make a password: `gatelatch-gatelatch-xy`. */
const TINY = 3;

type PasswordUser = { username: string; email?: string | null | undefined };

/**
 * The form that is counted, hashed and compared: NFC, because keyboards compose an `é` differently (NIST SP 800-63B-4
 * §3.1.1.2). Nothing is trimmed, cut or folded (ASVS 6.2.8).
 */
export function canonicalPassword(password: string): string {
  return password.normalize('NFC');
}

// In UTF-16 units. No good password is nearly as long, however its characters are composed, and NFC takes seconds for
// 60 kB of combining marks.
const MAX_UNITS = 1024;

/**
 * Whether it can be the password of anybody. UTF-8 cannot hold half a surrogate pair: argon2 would get U+FFFD and find
 * two different passwords equal.
 */
export function isPossible(password: string): boolean {
  return password.length <= MAX_UNITS && !/\p{Surrogate}/u.test(password);
}

/**
 * Checks a new password; never used at login. Any character is allowed, and no kind is required (NIST SP 800-63B-4
 * §3.1.1.2; ASVS 6.2.1, 6.2.4, 6.2.5, 6.2.9, 6.2.11).
 * @param minLength in code points after NFC, like the maximum of 128
 * @returns undefined if good, else the reason as a sentence to show, without the password
 */
export function checkNewPassword(
  password: string,
  user: PasswordUser,
  { minLength }: { minLength: number },
): string | undefined {
  if (password.length > MAX_UNITS) return `At most ${MAX_LENGTH} characters are allowed.`;
  if (!isPossible(password)) return 'The password holds half of a character (an unpaired surrogate).';
  const length = [...canonicalPassword(password)].length;
  if (length < minLength) return `The password has ${length} characters; at least ${minLength} are needed.`;
  if (length > MAX_LENGTH) return `The password has ${length} characters; at most ${MAX_LENGTH} are allowed.`;
  if (isCommon(password))
    return 'The password is a common one, perhaps with digits or repeats added, which an attacker tries first.';
  if (isMadeOfNames(password, user))
    return 'The password is made of your username, your e-mail address or the name of this service.';
  return undefined;
}

/** {@link checkNewPassword} for the field `path` of a request. @throws AppError validation_failed with the reason */
export function requireGoodPassword(
  path: string,
  password: string,
  user: PasswordUser,
  settings: { minLength: number },
): void {
  const message = checkNewPassword(password, user, settings);
  if (message) throw new AppError('validation_failed', { errors: [{ path, message }] });
}

// Only names plus digits, separators, three letters or a common password. A passphrase may contain a name.
function isMadeOfNames(password: string, user: PasswordUser): boolean {
  const whole = withoutSeparators(password);
  const rest = namesOf(user).reduce((text, name) => text.replaceAll(name, ''), whole);
  if (rest === whole) return false;
  // Digits beside a name are padding; but a name of digits must not turn a password of digits into padding.
  const nameHadLetters = withoutDigits(rest) !== withoutDigits(whole);
  return isTiny(rest) || (nameHadLetters && isTiny(withoutDigits(rest))) || isCommon(rest);
}

/** Longest first, so that a name goes before its parts. Parts of one or two characters would match anywhere. */
function namesOf({ username, email }: PasswordUser): string[] {
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
