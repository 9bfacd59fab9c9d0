import { describe, expect, it } from 'vitest';
import { createSecretBox } from '../../src/keys/secret-box.js';

const [secret, another] = [`${'s'.repeat(31)}1`, `${'s'.repeat(31)}2`] as const;

describe('the secret box', () => {
  const box = createSecretBox([secret]);
  const plain = Buffer.from('a signing key');

  it('returns what was sealed, with the same secret and label', () => {
    expect(createSecretBox([secret]).open(box.seal(plain, 'row 1'), 'row 1')).toEqual(plain);
    expect(box.open(box.seal(Buffer.alloc(0), 'row 1'), 'row 1')).toEqual(Buffer.alloc(0));
  });

  it('hides its content, and seals the same content differently each time', () => {
    const sealed = Array.from({ length: 100 }, () => box.seal(plain, 'row 1').toString('hex'));
    expect(new Set(sealed).size).toBe(100);
    for (const text of sealed) expect(text).not.toContain(plain.toString('hex'));
  });

  it('opens nothing with another secret, however similar', () => {
    expect(createSecretBox([another]).open(box.seal(plain, 'row 1'), 'row 1')).toBeUndefined();
  });

  it('opens nothing under another label, so that a sealed key cannot be moved to another row', () => {
    for (const label of ['row 2', 'row 1 ', '', 'Row 1'])
      expect(box.open(box.seal(plain, 'row 1'), label)).toBeUndefined();
  });

  it('opens nothing that was changed in any bit, cut, or lengthened', () => {
    const sealed = box.seal(plain, 'row 1');
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const flipped = Buffer.from(sealed);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(box.open(flipped, 'row 1'), `bit ${bit}`).toBeUndefined();
    }
    for (let length = 0; length < sealed.length; length += 1)
      expect(box.open(sealed.subarray(0, length), 'row 1'), `${length} bytes`).toBeUndefined();
    expect(box.open(Buffer.concat([sealed, Buffer.of(0)]), 'row 1')).toBeUndefined();
  });

  it('opens with a previous secret what it sealed, and seals only with the current one', () => {
    const changed = createSecretBox([another, secret]);
    expect(changed.open(box.seal(plain, 'row 1'), 'row 1')).toEqual(plain);
    const sealedNow = changed.seal(plain, 'row 1');
    expect(createSecretBox([another]).open(sealedNow, 'row 1')).toEqual(plain);
    expect(box.open(sealedNow, 'row 1')).toBeUndefined();
  });
});
