import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Walks along a keyboard (US, German, French, Russian), the alphabet or the digits. */
const WALKS = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  '!@#$%^&*()_+',
  'qwertyuiop[]',
  "asdfghjkl;'",
  'zxcvbnm,./',
  '1qaz 2wsx 3edc 4rfv 5tgb 6yhn 7ujm 8ik, 9ol. 0p;/',
  '1q2w3e4r5t6y7u8i9o0p',
  'q1w2e3r4t5y6u7i8o9p0',
  '1a2b3c4d5e6f7g8h9i 102030405060708090',
  'qwertzuiop yxcvbnm azertyuiop qsdfghjklm wxcvbn',
  'йцукенгшщзхъ фывапролджэ ячсмитьбю',
].flatMap((walk) => [walk, [...walk].reverse().join('')]);

const SHORTEST_RUN = 3;

/** Separators and signs that a comparison ignores. Not emoji (\p{So}): people choose them. */
const SIGNS = String.raw`\p{P}\p{Z}\p{Sc}\p{Sk}\p{Sm}\p{Cc}`;
const separators = new RegExp(`[${SIGNS}]+`, 'gu');
const before = new RegExp(`^[${SIGNS}\\p{N}]+`, 'u');
const after = new RegExp(`[${SIGNS}\\p{N}]+$`, 'u');
const doubles = /(.)\1+/gsu;

/** For comparisons only, never for hashing: folds look-alike forms and case, and drops separators and signs. */
export function withoutSeparators(text: string): string {
  return folded(text).replace(separators, '');
}

/** The parts of a name, folded in the same way: `Anne-Marie.K` → `anne`, `marie`, `k`. */
export function wordsOf(text: string): string[] {
  return folded(text).split(separators);
}

/**
 * Whether an attacker tries this password first: it is on the list (in any case) or a keyboard walk, or becomes one
 * without what people add for length (digits and signs around it, separators in it, repeats). NIST SP 800-63B-4
 * §3.1.1.2, ASVS 6.2.4.
 * The list is `passwords-common` of the npm package `@zxcvbn-ts/language-common` 4.1.3: 49,233 entries. Only the whole
 * password is compared: a passphrase may contain listed words. The first call takes 20 ms and 3 MB, later ones 0.1 ms,
 * at most 10 ms for 128 characters chosen to be slow.
 */
export function isCommon(password: string): boolean {
  const forms = new Set([folded(password)]);
  // A Set also iterates over what is added meanwhile. Each step shortens a form or keeps it, so this ends.
  for (const form of forms) {
    if (isListed(form) || isWalk(form) || isMonotonous(form)) return true;
    for (const padding of [before, after, separators]) forms.add(form.replace(padding, ''));
    forms.add(form.replace(doubles, '$1')).add(repeatedPart(form));
  }
  return false;
}

function folded(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

// With any number of digits and signs cut off its end, because listed passwords may end in digits (`abc123`).
function isListed(form: string): boolean {
  const shortest = form.replace(after, '').length || form.length;
  for (let end = form.length; end >= shortest; end -= 1) if (commonPasswords().has(form.slice(0, end))) return true;
  return false;
}

/** The part that the text repeats, at least three characters of it (`passwordpas` → `password`), or the whole text. */
function repeatedPart(form: string): string {
  for (let period = 1; period <= form.length - 3; period += 1)
    if (form.startsWith(form.slice(period))) return form.slice(0, period);
  return form;
}

// Not for emoji: there are thousands, so an attacker does not try repeated ones first.
function isMonotonous(form: string): boolean {
  if (form.length < 8 || /\p{So}/u.test(form)) return false;
  return [repeatedPart(form), form.replace(doubles, '$1')].some((simpler) => [...simpler].length <= 3);
}

/** Made only of runs of three or more along `WALKS`; the last may be cut short. A single run of three is chance. */
function isWalk(form: string): boolean {
  let rest = form;
  while (rest.length >= SHORTEST_RUN) {
    const run = longestRun(rest);
    if (run < SHORTEST_RUN) return false;
    rest = rest.slice(run);
  }
  return form.length > SHORTEST_RUN && longestRun(rest) === rest.length;
}

function longestRun(text: string): number {
  let length = 0;
  while (length < text.length && WALKS.some((walk) => walk.includes(text.slice(0, length + 1)))) length += 1;
  return length;
}

let loaded: ReadonlySet<string> | undefined;

function commonPasswords(): ReadonlySet<string> {
  loaded ??= load();
  return loaded;
}

function load(): ReadonlySet<string> {
  // The file itself, because importing the package takes 50 ms and 17 MB instead of 20 ms and 7 MB.
  const file = createRequire(import.meta.url).resolve('@zxcvbn-ts/language-common/src/passwords.json');
  const entries: string[] = JSON.parse(readFileSync(file, 'utf8').toLowerCase());
  return new Set(entries);
}
