import argon2 from 'argon2';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseConfig } from '../../src/config.js';
import { AppError } from '../../src/errors.js';
import { hashCeiling } from '../../src/passwords/hash-capacity.js';
import type { HashCost } from '../../src/passwords/hash-cost.js';
import { createPasswords } from '../../src/passwords/hasher.js';
import type { Gate } from '../../src/platform/process/gate.js';

const ceiling = hashCeiling(4 * 2 ** 30);
const cheap: HashCost = { memoryKiB: 1024, passes: 1, parallelism: 1 };

/** An open gate that records the addresses it was passed for. */
function countingGate() {
  const addresses: string[] = [];
  const gate: Gate = {
    run: (address, work) => {
      addresses.push(address);
      return work();
    },
    announce: () => () => undefined,
    stats: () => ({ running: 0, queued: 0 }),
  };
  return { gate, addresses };
}

function passwordsAt(cost: HashCost = cheap) {
  const { gate, addresses } = countingGate();
  return { ...createPasswords({ cost, gate, ceiling }), addresses };
}

const phcOf = (text: string) => /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(text) ?? [];
const bytes = (base64 = '') => Buffer.from(base64, 'base64').length;

/** Writes another cost into the stored hash, as an attacker with the database or an import could. */
const withCost = (stored: string, cost: string) => stored.replace(/m=\d+,t=\d+,p=\d+/, cost);

afterEach(() => {
  vi.restoreAllMocks();
});

describe('hashing', () => {
  test('makes an argon2id PHC string at the configured cost, with 16 bytes of salt and 32 of hash (ASVS 11.4.2)', async () => {
    const [, memory, passes, lanes, salt, digest] = phcOf(
      await passwordsAt({ memoryKiB: 2048, passes: 2, parallelism: 3 }).hash('correct horse battery'),
    );
    expect([memory, passes, lanes, bytes(salt), bytes(digest)]).toEqual(['2048', '2', '3', 16, 32]);
  });

  test('uses a new salt for every hash', async () => {
    const { hash } = passwordsAt();
    const hashes = await Promise.all(Array.from({ length: 50 }, () => hash('correct horse battery')));
    expect(new Set(hashes.map((stored) => phcOf(stored)[4])).size).toBe(50);
    expect(new Set(hashes.map((stored) => phcOf(stored)[5])).size).toBe(50);
  });

  test('passes the gate once per hash and once per comparison, with the client address', async () => {
    const { hash, verify, addresses } = passwordsAt();
    await verify(await hash('correct horse battery', { address: '192.0.2.1' }), 'correct horse battery', {
      address: '192.0.2.2',
    });
    expect(addresses).toEqual(['192.0.2.1', '192.0.2.2']);
  });

  test('fails as overloaded if the gate does', async () => {
    const gate: Gate = {
      run: () => Promise.reject(new AppError('overloaded')),
      announce: () => () => undefined,
      stats: () => ({ running: 0, queued: 0 }),
    };
    const { hash, verify } = createPasswords({ cost: cheap, gate, ceiling });
    await expect(hash('correct horse battery')).rejects.toMatchObject({ code: 'overloaded' });
    await expect(verify(undefined, 'correct horse battery')).rejects.toMatchObject({ code: 'overloaded' });
  });

  test('refuses settings whose hashes could not be verified, and names the setting', () => {
    for (const cost of [
      { ...cheap, memoryKiB: 2_000_000 },
      { ...cheap, passes: 21 },
      { ...cheap, parallelism: 17 },
      { memoryKiB: 1024, passes: 1, parallelism: 200 },
    ]) {
      const PASSWORD_HASH = `m=${cost.memoryKiB},t=${cost.passes},p=${cost.parallelism}`;
      expect(() => parseConfig({ PASSWORD_HASH })).toThrow(/^PASSWORD_HASH must be /);
    }
  });
});

describe('verifying compares the whole password, exactly as received (ASVS 6.2.8)', () => {
  const alphabet = 'correct horse battery staple, then seven ravens over the cold and salty sea: ';
  const password = alphabet.repeat(2).slice(0, 128);

  test('for a password of 128 characters', async () => {
    const { hash, verify } = passwordsAt();
    expect(await verify(await hash(password), password)).toBe(true);
  });

  test('so that a change of any character is noticed, also after the 72nd byte, where bcrypt stops', async () => {
    const { hash, verify } = passwordsAt();
    const stored = await hash(password);
    const changed = (position: number) => `${password.slice(0, position)}~${password.slice(position + 1)}`;
    const answers = await Promise.all(Array.from({ length: 128 }, (_, position) => verify(stored, changed(position))));
    expect(answers).toEqual(Array(128).fill(false));
  });

  test.each([
    ['its case', 'Correct horse battery'],
    ['a space at its end', 'correct horse battery '],
    ['a space at its start', ' correct horse battery'],
    ['a line end', 'correct horse battery\n'],
    ['a NUL at its end', 'correct horse battery\0'],
    ['its last character', 'correct horse batter'],
    ['everything', ''],
    ['a no-break space', 'correct\u00a0horse battery'],
    ['a look-alike letter', 'correct horse b\u0430ttery'],
  ])('so that a password that differs in %s is wrong', async (_, other) => {
    const { hash, verify } = passwordsAt();
    expect(await verify(await hash('correct horse battery'), other)).toBe(false);
    expect(await verify(await hash(other), 'correct horse battery')).toBe(false);
    expect(await verify(await hash(other), other)).toBe(true);
  });

  test('and does not stop at a NUL', async () => {
    const { hash, verify } = passwordsAt();
    expect(await verify(await hash('correct\0horse'), 'correct\0house')).toBe(false);
  });

  test('after NFC: composed and decomposed letters are equal, but ligatures and letters are not', async () => {
    const { hash, verify } = passwordsAt();
    const [composed, decomposed] = ['crème brûlée à gogo', 'crème brûlée à gogo'.normalize('NFD')];
    expect(composed).not.toBe(decomposed);
    expect(await verify(await hash(composed), decomposed)).toBe(true);
    expect(await verify(await hash(decomposed), composed)).toBe(true);
    expect(await verify(await hash('ﬁne words'), 'fine words')).toBe(false);
  });

  test('and no half of a surrogate pair equals another half or the replacement character', async () => {
    const { hash, verify } = passwordsAt();
    await expect(hash('correct \ud800 horse')).rejects.toThrow(TypeError);
    expect(await verify(await hash('correct \ufffd horse'), 'correct \ud800 horse')).toBe(false);
    expect(await verify(await hash('correct \ufffd horse'), 'correct \udfff horse')).toBe(false);
  });
});

describe('for any stored text', () => {
  test('an unknown user costs one hash of the same cost and never matches (ASVS 6.3.8)', async () => {
    const verifying = vi.spyOn(argon2, 'verify');
    const { verify, addresses } = passwordsAt({ memoryKiB: 2048, passes: 2, parallelism: 3 });
    for (const password of ['', 'correct horse battery', 'decoy'])
      expect(await verify(undefined, password)).toBe(false);
    expect(addresses).toHaveLength(3);
    for (const [decoy] of verifying.mock.calls) {
      const [, memory, passes, lanes, salt, digest] = phcOf(decoy);
      expect([memory, passes, lanes, bytes(salt), bytes(digest)]).toEqual(['2048', '2', '3', 16, 32]);
    }
  });

  test('an unknown user does not match even if the password were that of the decoy', async () => {
    vi.spyOn(argon2, 'verify').mockResolvedValue(true);
    expect(await passwordsAt().verify(undefined, 'correct horse battery')).toBe(false);
  });

  test('a password that is not well-formed text costs one hash too', async () => {
    const { hash, verify, addresses } = passwordsAt();
    const stored = await hash('correct horse battery');
    expect(await verify(stored, '\ud800')).toBe(false);
    expect(addresses).toHaveLength(2);
  });

  test('a hash that is not argon2id is a wrong password, not an error, and costs one hash (ASVS 11.2.5)', async () => {
    const { hash, verify, addresses } = passwordsAt();
    const stored = await hash('correct horse battery');
    const corrupted = [
      '',
      'correct horse battery',
      'x'.repeat(10_000),
      stored.slice(1),
      stored.slice(0, 40),
      `${stored}\n`,
      `${stored}$`,
      `${stored}\0`,
      stored.replace('argon2id', 'argon2i'),
      stored.replace('argon2id', 'argon2d'),
      stored.replace('v=19', 'v=16'),
      stored.replace('v=19$', ''),
      stored.replace(/\$[^$]*$/, '$'),
      stored.replace(/\$[^$]*$/, '$AAAA'),
      stored.replace(/\$[^$]*$/, '$!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!'),
      withCost(stored, 'm=1024,t=0,p=1'),
      withCost(stored, 'm=01024,t=1,p=1'),
      withCost(stored, 'm=4,t=1,p=1'),
      withCost(stored, 'm=-1024,t=1,p=1'),
      withCost(stored, 'm=1024,t=1'),
      '$2b$12$abcdefghijklmnopqrstuuJ2Yp3Y3Yz5uYk1mX5bq9fF3eA8i1u6e',
    ];
    for (const one of corrupted) expect(await verify(one, 'correct horse battery'), one).toBe(false);
    expect(addresses).toHaveLength(1 + corrupted.length);
  });

  test('a hash that is cut or damaged at any character never matches and throws nothing', async () => {
    const { hash, verify } = passwordsAt();
    const stored = await hash('correct horse battery');
    const cut = Array.from(stored, (_, end) => stored.slice(0, end));
    const spoilt = Array.from(stored, (_, at) => `${stored.slice(0, at)}~${stored.slice(at + 1)}`);
    for (const one of [...cut, ...spoilt]) expect(await verify(one, 'correct horse battery'), one).toBe(false);
  });

  test.each([
    ['4 GiB', 'm=4194304,t=1,p=1'],
    ['1 GiB and a bit', 'm=1048577,t=1,p=1'],
    ['1 GiB in 20 passes', 'm=1048576,t=20,p=1'],
    ['a minute in little memory', 'm=1024,t=60000,p=1'],
    ['4 billion passes', 'm=1024,t=4294967295,p=1'],
    ['17 lanes', 'm=1024,t=1,p=17'],
  ])('a hash that needs %s is refused before it is computed', async (_, cost) => {
    const { hash, verify, addresses } = passwordsAt();
    const verifying = vi.spyOn(argon2, 'verify');
    const stored = withCost(await hash('correct horse battery'), cost);
    expect(await verify(stored, 'correct horse battery')).toBe(false);
    expect(addresses).toHaveLength(2);
    expect(verifying).not.toHaveBeenCalledWith(stored, expect.anything());
  });

  test('a hash within the bounds is verified, even after the cost setting has changed (ASVS 11.2.2)', async () => {
    const old = await passwordsAt({ memoryKiB: 1024, passes: 3, parallelism: 2 }).hash('correct horse battery');
    const { verify } = passwordsAt({ memoryKiB: 2048, passes: 1, parallelism: 1 });
    expect(await verify(old, 'correct horse battery')).toBe(true);
    expect(await verify(old, 'correct horse batterx')).toBe(false);
  });
});

describe('whether a stored hash is outdated', () => {
  const now = { memoryKiB: 2048, passes: 2, parallelism: 1 };

  test.each([
    [false, 'the same cost', 'm=2048,t=2,p=1'],
    [true, 'less memory', 'm=1024,t=2,p=1'],
    [true, 'fewer passes', 'm=2048,t=1,p=1'],
    [true, 'fewer passes, though more memory', 'm=4096,t=1,p=1'],
    [false, 'more memory, because the cost is never lowered', 'm=4096,t=2,p=1'],
    [false, 'more passes, because the cost is never lowered', 'm=2048,t=3,p=1'],
    [false, 'other lanes', 'm=2048,t=2,p=4'],
  ])('is %s with %s', async (outdated, _, cost) => {
    const { hash, isOutdated } = passwordsAt(now);
    expect(isOutdated(withCost(await hash('correct horse battery'), cost))).toBe(outdated);
  });

  test('is true if it is not an argon2id hash', () => {
    const { isOutdated } = passwordsAt(now);
    expect(isOutdated('')).toBe(true);
    expect(isOutdated('$2b$12$abcdefghijklmnopqrstuuJ2Yp3Y3Yz5uYk1mX5bq9fF3eA8i1u6e')).toBe(true);
  });
});
