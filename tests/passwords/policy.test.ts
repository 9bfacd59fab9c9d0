import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { checkNewPassword } from '../../src/passwords/policy.js';

const owner = { username: 'alice.smith', email: 'al.smith+gate@mail.kestrelworks.com' };
const check = (password: string, minLength = 15) => checkNewPassword(password, owner, { minLength });

const require = createRequire(import.meta.url);
const list: string[] = JSON.parse(
  readFileSync(require.resolve('@zxcvbn-ts/language-common/src/passwords.json'), 'utf8'),
);

/** Up to fifty of them, evenly spread, always the same ones. */
function fifty(entries: string[]): string[] {
  const step = Math.max(1, entries.length / 50);
  return Array.from({ length: Math.min(50, entries.length) }, (_, n) => entries[Math.floor(n * step)] ?? '');
}

describe('the length', () => {
  test('is counted in code points: 15 emoji are enough, 14 are not (ASVS 6.2.1)', () => {
    const emoji = [...'😀😃😄😁😆😅🤣😂🙂🙃😉😊😇🥰😍'];
    expect(check(emoji.join(''))).toBeUndefined();
    expect(check(emoji.slice(1).join(''))).toBe('The password has 14 characters; at least 15 are needed.');
  });

  test.each([8, 12, 15, 64])('is at least the setting (%i)', (minLength) => {
    const password = 'wjfkq mxozp btnae luhgy cdrsv 4 kite & 9 owls in one old barn...'.slice(0, minLength);
    expect(check(password, minLength)).toBeUndefined();
    expect(check(password.slice(1), minLength)).toContain(`at least ${minLength}`);
  });

  test('is looked at before anything is composed: NFC of 60 kB of combining marks takes seconds', () => {
    const begun = performance.now();
    expect(check(`a${'\u0315'.repeat(15_500)}${'\u0300'.repeat(15_500)}`)).toBe('At most 128 characters are allowed.');
    expect(performance.now() - begun).toBeLessThan(500);
  });

  test('is at most 128: 64 and 128 are accepted, 129 is not (ASVS 6.2.9)', () => {
    const words =
      'seven ravens flew over the cold and salty sea, and nobody could tell me where they went, so I sat down, wrote a line, and slept until dawn';
    expect(check(words.slice(0, 64))).toBeUndefined();
    expect(check(words.slice(0, 128))).toBeUndefined();
    expect(check(words.slice(0, 129))).toBe('The password has 129 characters; at most 128 are allowed.');
  });

  test('is counted after NFC, so composed and decomposed accents count the same', () => {
    const password = 'crème à la fraî';
    expect(check(password.normalize('NFD'))).toBeUndefined();
    expect(check(password.slice(1).normalize('NFD'))).toContain('has 14 characters');
  });

  test('includes spaces at the start and the end', () => {
    expect(check('  wjfkqmxozpb  ')).toBeUndefined();
  });
});

describe('every kind of character is allowed and none is required (ASVS 6.2.5):', () => {
  test.each([
    ['lower case', 'wjfkqmxozpbtnae'],
    ['upper case', 'WJFKQMXOZPBTNAE'],
    ['digits', '847261930584726'],
    ['signs', '&)]*~{<-,#?;%$^'],
    ['words with spaces', 'correct horse battery staple'],
    ['single letters with spaces', 'w j f k q m x o'],
    ['Cyrillic', 'дом у дороги стоит'],
    ['Chinese', '山高月小水落石出春江花月夜明'.padEnd(15, '舟')],
    ['combining marks', 'z̆x̆q̆ w̆j̆f̆ k̆m̆p̆ b̆t̆'],
    ['NUL and other control characters', 'wjf\0kqm\nxozp\tbtn\x7f'],
    ['one emoji all over', '🦉'.repeat(15)],
    ['quotes and markup', `'; DROP <b>"user"</b> --`],
  ])('%s', (_, password) => {
    expect(check(password)).toBeUndefined();
  });

  test('but half of a surrogate pair is refused, because it cannot be told from another half', () => {
    expect(check('wjfkqmxo\ud800zpbtnae')).toContain('half of a character');
    expect(check('wjfkqmxozpbtnae\udfff')).toContain('half of a character');
  });
});

describe('common passwords are refused with that reason (ASVS 6.2.4):', () => {
  test.each([8, 10, 12, 15])('fifty samples from the list with at least %i characters', (minLength) => {
    const samples = fifty(list.filter((entry) => entry.length >= minLength));
    expect(samples.length).toBeGreaterThan(40);
    expect(samples.filter((entry) => !check(entry, minLength)?.includes('common'))).toEqual([]);
  });

  test.each([
    ['in capitals', (entry: string) => entry.toUpperCase()],
    ['with a capital', (entry: string) => entry.charAt(0).toUpperCase() + entry.slice(1)],
    ['with digits after it', (entry: string) => `${entry}8472619305`],
    ['with signs after it', (entry: string) => `${entry}!!!!!!!!!!!`],
    ['with digits before it', (entry: string) => `1234567890 ${entry}`],
    ['three times', (entry: string) => entry.repeat(3)],
    [
      'with a capital, repeated, with a year',
      (entry: string) => `${entry.charAt(0).toUpperCase()}${entry.slice(1)}`.repeat(3) + 2024,
    ],
    ['repeated with separators', (entry: string) => [entry, entry, entry].join('-')],
    ['repeated and cut', (entry: string) => entry.repeat(4).slice(0, -2)],
    ['letter by letter', (entry: string) => [...entry].join(' ')],
  ])('samples of eight or more letters %s', (_, disguise) => {
    const samples = fifty(list.slice(0, 3000).filter((entry) => /^[a-z]{8,}$/.test(entry)));
    expect(samples).toHaveLength(50);
    expect(samples.map(disguise).filter((entry) => !check(entry, 8)?.includes('common'))).toEqual([]);
  });

  test.each([
    'password123456789',
    'passwordpassword',
    'passwordpasswor',
    'christopherchri',
    'ncc170184726193',
    '50cent50cent50cent1',
    'PasswordPassword1',
    'Password!!!!!!!!!',
    'P@ssw0rd12345678',
    'p a s s w o r d 1 2 3 4',
    'ｐａｓｓｗｏｒｄ1234567890',
    'monkey 8472 6193 0584',
    'dragon47dragon47',
    'passsswooooorrrdd',
    'aaaaaaaaaaaaaaaaaaa',
    '               ',
    '0000000011111111',
    'abcabcabcabcabc',
    'hahahahahahahaha',
    '123456789012345',
    '987654321987654321',
    '102030405060708090',
    '112233445566778899',
    'abcdefghijklmnop',
    'zyxwvutsrqponml',
    'aaabbbcccdddeee',
    'qwertyuiopasdfghjkl',
    'qwertyuiop12345',
    "asdfghjkl;'asdfg",
    'azertyuiopqsdfghjklm',
    'йцукенгшщзхъфывапр',
    '1qaz2wsx3edc4rfv5tgb',
    'qazwsxedcrfvtgbyhn',
    'q1w2e3r4t5y6u7i8o9',
    '1a2b3c4d5e6f7g8h',
    '!@#$%^&*()_+!@#',
  ])('an early guess at this length: %s', (password) => {
    expect(check(password)).toContain('common');
  });

  test('every listed one that contains a letter, with digits after it', () => {
    const padded = list.filter((entry) => /[a-z]/.test(entry)).map((entry) => `${entry}847261930584`);
    expect(padded.filter((entry) => !check(entry)?.includes('common'))).toEqual([]);
  });

  test.each([
    'my password is a long one',
    'monkeys write sonnets',
    'the dragon sleeps at 9',
    'passwort-salat-gurke',
    'qwerty is no keyboard',
    'aaaa-bird-sings-aaaa',
    'correct horse correct',
    'x84726193058472',
    '20 owls, 11 ravens',
  ])('but not one that only contains a common one: %s', (password) => {
    expect(check(password)).toBeUndefined();
  });

  test('but hardly any of 2,000 random ones each in hexadecimal, base 36 and digits', () => {
    const hashes = Array.from({ length: 2000 }, (_, n) => createHash('sha256').update(`${n}`).digest('hex'));
    const randoms = hashes.flatMap((hash) => [
      hash.slice(0, 16),
      BigInt(`0x${hash}`).toString(36).slice(0, 16),
      BigInt(`0x${hash}`).toString().slice(0, 16),
    ]);
    expect(randoms.filter((password) => check(password)).length).toBeLessThan(5);
  });
});

describe('a password made of public facts about the user is refused (ASVS 6.1.2, 6.2.11):', () => {
  test.each([
    ['the username', 'alice.smithalice.smith'],
    ['the username in any case', 'ALICE.Smith.Alice'],
    ['the username without its separators, and a date', 'alicesmith1987-07-21'],
    ['parts of the username', 'smith-alice-smith'],
    ['the username in pieces', 'xAlice7Smithx123'],
    ['the e-mail', 'al.smith+gate@mail.kestrelworks.com'],
    ['the local part of the e-mail', 'Al.Smith+gate 1234'],
    ['the domain', 'mail.kestrelworks.com!'],
    ['the name of the domain', 'kestrelworks 1999'],
    ['the product', 'gatelatch-gatelatch-xy'],
    ['product, user and year', 'Gatelatch Alice 2024'],
    ['the username and a common password', 'alice-password-12345'],
  ])('%s', (_, password) => {
    expect(check(password)).toBe(
      'The password is made of your username, your e-mail address or the name of this service.',
    );
  });

  test.each([
    'alice went to the market',
    'my gatelatch passphrase',
    'the kestrelworks smithy',
    'alice 🦉🐢🦊🐝🐙🦉🐝🐢🦊🐙',
    'gatekeepers latch on',
  ])('but a passphrase with a name as one word of several is accepted: %s', (password) => {
    expect(check(password)).toBeUndefined();
  });

  test('but the username of another user is accepted', () => {
    expect(check('bob.the.builder.bob')).toBeUndefined();
    const bob = { username: 'bob', email: null };
    expect(checkNewPassword('bob bob bob bob', bob, { minLength: 15 })).toBeDefined();
    expect(checkNewPassword('alice.smithalice.smith', bob, { minLength: 15 })).toBeUndefined();
  });

  test('a username of digits, but not every password of digits', () => {
    const made = (username: string, password: string) => checkNewPassword(password, { username }, { minLength: 15 });
    expect(made('84719305', '84719305 84719305')).toContain('made of');
    expect(made('847', '193084726150392')).toBeUndefined();
  });

  test('a name that begins like a longer one does not hide the longer one', () => {
    const quail = { username: 'qua', email: 'quailhen@mail.example' };
    expect(checkNewPassword('quailhen/quailhen', quail, { minLength: 15 })).toContain('made of');
  });

  test('but single letters of a name do not count, because they are in any text', () => {
    expect(checkNewPassword('tenet tent nene teen', { username: 'e.n.t' }, { minLength: 15 })).toBeUndefined();
  });
});

test('no reason contains the password', () => {
  for (const password of ['short', 'passwordpassword', 'alice.smith.alice', 'x'.repeat(200), 'gatelatch gatelatch'])
    expect(check(password)).not.toContain(password);
});
