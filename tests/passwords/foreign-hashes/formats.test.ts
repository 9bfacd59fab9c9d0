import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import { compareBcrypt } from '../../../src/passwords/foreign-hashes/bcrypt.js';
import { createForeignHashes, markImported, withoutMark } from '../../../src/passwords/foreign-hashes/formats.js';
import { hashCeiling } from '../../../src/passwords/hash-capacity.js';
import { createPasswords } from '../../../src/passwords/hasher.js';
import type { Turn } from '../../../src/platform/process/gate.js';
import { known } from '../../support/known-hashes.js';

const ceiling = hashCeiling(4 * 2 ** 30);
const { importedHash, objectionTo } = createForeignHashes(ceiling);

/** Compares as a login does, for a hash as it stands in a file. */
const matches = (hash: string, password: string) => importedHash(markImported(hash))?.matches(password);

function passwordsWithGate() {
  const gatePasses: string[] = [];
  const dear: (boolean | undefined)[] = [];
  const gate = {
    run: <T>(address: string, work: () => Promise<T>, turn?: Turn) => {
      gatePasses.push(address);
      dear.push(turn?.isDear);
      return work();
    },
    announce: () => () => undefined,
    stats: () => ({ running: 0, queued: 0 }),
  };
  return {
    ...createPasswords({ cost: { memoryKiB: 1024, passes: 1, parallelism: 1 }, gate, ceiling }),
    gatePasses,
    dear,
  };
}

describe('published hashes', () => {
  test.each(known)('match their password and no other ($from: $format)', async ({ hash, password }) => {
    expect(objectionTo(hash)).toBeUndefined();
    expect(await matches(hash, password)).toBe(true);
    expect(await matches(hash, `${password}x`)).toBe(false);
    expect(await matches(hash, '')).toBe(false);
  });

  test('include all examples of docs/importing-users.md', () => {
    const text = readFileSync(new URL('../../../docs/importing-users.md', import.meta.url), 'utf8');
    const examples = [...text.matchAll(/"password_hash":"([^"…]+)"/g)].map(([, hash]) => hash);
    expect(examples.length).toBeGreaterThan(4);
    expect(examples.filter((example) => !known.some(({ hash }) => hash === example))).toEqual([]);
  });

  test('with bcrypt compare exactly 72 bytes', async () => {
    const hash = '$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui';
    const known72 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
    expect(await compareBcrypt(`${known72}chars after 72 are ignored`, hash)).toBe(true);
    expect(await compareBcrypt(known72, hash)).toBe(true);
    expect(await compareBcrypt(`${known72.slice(0, 71)}x`, hash)).toBe(false);
  });
});

describe('bounds', () => {
  const salted = 'c29tZXNhbHQ$'.padEnd(12 + 43, 'A');
  test.each([
    ['argon2', `$argon2id$v=19$m=1048577,t=1,p=1$${salted}`],
    ['argon2', `$argon2id$v=19$m=1048576,t=20,p=1$${salted}`],
    ['argon2', `$argon2i$v=19$m=65536,t=17,p=4$${salted}`],
    ['argon2', `$argon2d$v=19$m=1024,t=1,p=17$${salted}`],
    ['argon2', `$argon2d$v=19$m=31,t=1,p=4$${salted}`],
    ['bcrypt', `$2b$14$${'a'.repeat(53)}`],
    ['bcrypt', `$2y$31$${'a'.repeat(53)}`],
    ['scrypt', `$scrypt$ln=20,r=8,p=1$${salted}`],
    ['scrypt', `$scrypt$ln=99,r=1,p=1$${salted}`],
    ['scrypt', `$scrypt$ln=14,r=8,p=20$${salted}`],
    ['scrypt', `$scrypt$ln=18,r=8,p=3$${salted}`],
    // RFC 7914 §2 does not define it, and OpenSSL throws.
    ['scrypt', `$scrypt$ln=16,r=1,p=1$${salted}`],
    ['Firebase scrypt', `$fbscrypt$v=1,n=20,r=8,p=1,ss=Bw==,sk=${'A'.repeat(86)}==$c2FsdA$${'A'.repeat(86)}==`],
    ['PBKDF2 with sha256', `pbkdf2_sha256$2500001$salt$${'A'.repeat(43)}=`],
    ['PBKDF2 with sha512', `pbkdf2_sha512$9999999999$salt$${'A'.repeat(86)}==`],
  ])('of %s: %s is refused before it is computed', (name, hash) => {
    expect(objectionTo(hash)).toMatch(new RegExp(`^The ${name} hash costs more than its bound: `));
    expect(importedHash(markImported(hash))).toBeUndefined();
  });

  test('let bcrypt of cost 13 in, which takes two thirds of a second', () => {
    expect(objectionTo(`$2b$13$${'a'.repeat(53)}`)).toBeUndefined();
  });

  test('leave a place for others beside a hash of half a second or more, however many passwords it is compared with', async () => {
    const { verify, dear } = passwordsWithGate();
    await verify(`$2b$04$${'a'.repeat(53)}`, 'correct horse battery');
    await verify(markImported(`$argon2id$v=19$m=1024,t=600,p=1$${salted}`), 'y\u0301');
    expect(dear).toEqual([false, true, true]);
  }, 30_000);

  test('apply within a second, also to a hash that a login finds in the database', async () => {
    const { verify, gatePasses } = passwordsWithGate();
    expect(await verify(`$2b$31$${'a'.repeat(53)}`, 'correct horse battery')).toBe(false);
    expect(gatePasses).toHaveLength(1);
  }, 1000);
});

describe('invalid hashes', () => {
  test.each([
    '',
    'correct horse battery staple',
    'x'.repeat(100_000),
    '$',
    '$$$$$$',
    '$2b$',
    '$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e',
    '$2b$3$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e',
    '$argon2id$v=19$m=1024,t=1,p=1,keyid=x$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA',
    '$argon2id$v=20$m=1024,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA',
    '$scrypt$ln=0,r=8,p=1$c29tZXNhbHQ$AAAA',
    'pbkdf2_md5$1000$salt$AAAA',
    'pbkdf2_sha256$0$salt$K5mMT7AvFl6XpJdCfsqTLDLcJdqEUUiRgTuJwVVpe3A=',
    'pbkdf2_sha256$1e9$salt$K5mMT7AvFl6XpJdCfsqTLDLcJdqEUUiRgTuJwVVpe3A=',
    '!unusable',
  ])('%j is refused without being repeated', (hash) => {
    expect(objectionTo(hash)).toMatch(/^The format of the hash is not known\. Known are: argon2, bcrypt, /);
    expect(importedHash(hash)).toBeUndefined();
  });

  test('a hash that is cut or damaged anywhere matches nothing and throws nothing', async () => {
    const bare = (hash: string) => hash.replace(/=+$/, '');
    for (const { hash, password } of known.filter(({ cheap, hash }) => cheap || hash.startsWith('$2')))
      for (let at = 0; at < bare(hash).length; at += 1) {
        const [before, after] = [hash.slice(0, at), hash.slice(at + 1)];
        for (const one of [before, `${before}~${after}`, before + after, `${before}$${hash.slice(at)}`])
          expect((await matches(one, password)) ?? false, one).toBe(false);
      }
  });
});

describe('an imported hash at the gate', () => {
  const nfd = 'crème brûlée à gogo'.normalize('NFD');
  const nfc = nfd.normalize('NFC');
  // Made with Python: hashlib.pbkdf2_hmac('sha256', nfd, b'seasalt', 1000)
  const madeOfNfd = 'pbkdf2_sha256$1000$seasalt$ezuPZgnSITW6QXZRAgW5fLCSgNq7NmhXO+ID0djpiWM=';

  test('takes one turn for a password in NFC, right or wrong', async () => {
    const { verify, gatePasses } = passwordsWithGate();
    expect(
      await verify('$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY', 'password', {
        address: '192.0.2.1',
      }),
    ).toBe(true);
    expect(await verify(madeOfNfd, nfc, { address: '192.0.2.2' })).toBe(false);
    expect(gatePasses).toEqual(['192.0.2.1', '192.0.2.2']);
  });

  test('takes a second turn for a password not in NFC that is wrong in NFC, and compares it as typed', async () => {
    const { verify, gatePasses } = passwordsWithGate();
    expect(await verify(madeOfNfd, nfd, { address: '192.0.2.1' })).toBe(true);
    expect(gatePasses).toEqual(['192.0.2.1', '192.0.2.1']);
    expect(await verify(madeOfNfd, `${nfd}x`)).toBe(false);
    expect(gatePasses).toHaveLength(4);
    expect(await verify(madeOfNfd, nfc)).toBe(false);
    expect(gatePasses).toHaveLength(5);
  });

  test('of argon2id takes a second turn too, but our own hash does not', async () => {
    const { hash, verify, isOutdated, gatePasses } = passwordsWithGate();
    const own = await hash(nfc);
    expect(isOutdated(own)).toBe(false);
    expect(isOutdated(markImported(own))).toBe(true);
    expect(withoutMark(markImported(own))).toBe(own);
    gatePasses.length = 0;
    expect(await verify(own, `${nfd}x`)).toBe(false);
    expect(gatePasses).toHaveLength(1);
    expect(await verify(markImported(own), `${nfd}x`)).toBe(false);
    expect(gatePasses).toHaveLength(3);
    expect(await verify(markImported(own), nfd)).toBe(true);
  });

  test('is outdated in every format', () => {
    const { isOutdated } = passwordsWithGate();
    for (const { hash } of known) expect(isOutdated(markImported(hash)), hash).toBe(true);
  });

  test('matches nothing and takes one turn for half of a surrogate pair', async () => {
    const { verify, gatePasses } = passwordsWithGate();
    expect(await verify(madeOfNfd, '\ud800')).toBe(false);
    expect(gatePasses).toHaveLength(1);
  });

  test('of bcrypt does not block the event loop', async () => {
    const shares: number[] = [];
    // The quietest of three, because other processes of a busy machine hold this thread up, too.
    for (let tries = 0; tries < 3; tries++) {
      const before = performance.eventLoopUtilization();
      expect(await compareBcrypt('wrong', `$2b$12$${'a'.repeat(53)}`)).toBe(false);
      shares.push(performance.eventLoopUtilization(before).utilization);
    }
    // In this thread it would be all of the time, each time.
    expect(Math.min(...shares)).toBeLessThan(0.5);
  });
});
