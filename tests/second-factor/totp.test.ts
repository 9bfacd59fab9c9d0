import { describe, expect, it } from 'vitest';
import { codeKind } from '../../src/second-factor/code-kind.js';
import { qrSvg } from '../../src/second-factor/qr.js';
import { recoveryCodeHash } from '../../src/second-factor/recovery-codes.js';
import {
  importedTotpSecret,
  matchingStep,
  newTotpSecret,
  totpSecretText,
  totpUri,
} from '../../src/second-factor/totp.js';

/** RFC 6238, appendix B (SHA-1): of its eight digits the last six. */
const secret = Buffer.from('12345678901234567890');
const vectors = [
  [59, '94287082'],
  [1111111109, '07081804'],
  [1111111111, '14050471'],
  [1234567890, '89005924'],
  [2000000000, '69279037'],
  [20000000000, '65353130'],
] as const;

describe('A TOTP code', () => {
  it.each(vectors)('of second %i is that of RFC 6238', (seconds, eight) => {
    expect(matchingStep(secret, eight.slice(2), seconds)).toBe(Math.floor(seconds / 30));
  });

  it('is good in its own step, the one before and the one after', () => {
    const [seconds, eight] = vectors[3];
    const step = Math.floor(seconds / 30);
    const found = [-61, -60, -31, -30, -1, 0, 29, 30, 59, 60].map((by) =>
      matchingStep(secret, eight.slice(2), step * 30 + by),
    );
    const no = undefined;
    expect(found).toEqual([no, no, no, step, step, step, step, step, step, no]);
  });

  it('may have spaces in it', () => {
    for (const code of ['005 924', ' 005924 ', '0 0 5 9 2 4', '005\u00a0924'])
      expect(matchingStep(secret, code, 1234567890)).toBe(41152263);
  });

  it('is six ASCII digits and nothing else', () => {
    const others = ['', '05924', '0005924', '０0５９２４', '٠٠٥٩٢٤', '005-924', '005924\0', '+05924', '5924', 'abcdef'];
    for (const code of others) {
      expect(matchingStep(secret, code, 1234567890)).toBeUndefined();
      expect(codeKind(code)).toBeUndefined();
    }
  });

  it('is checked without a throw at any time and with any secret', () => {
    for (const seconds of [0, 29, 30, -1, 2 ** 40, 1.5])
      for (const bytes of [Buffer.alloc(1), secret, Buffer.alloc(64)])
        expect(() => matchingStep(bytes, '000000', seconds)).not.toThrow();
  });
});

describe('A TOTP secret', () => {
  it('is 20 random bytes', () => {
    expect(newTotpSecret()).toHaveLength(20);
    expect(newTotpSecret()).not.toEqual(newTotpSecret());
  });

  it('is told as base32, and as a URI with issuer and name', () => {
    expect(totpSecretText(secret)).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
    expect(totpUri(secret, 'login.example.com', 'ada')).toBe(
      'otpauth://totp/login.example.com:ada?issuer=login.example.com&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ' +
        '&algorithm=SHA1&digits=6&period=30',
    );
    expect(new URL(totpUri(secret, 'My App & Co', 'ada')).searchParams.get('issuer')).toBe('My App & Co');
  });

  it('is drawn as a QR code', () => {
    const svg = qrSvg(totpUri(secret, 'login.example.com', 'ada'));
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 \d+ \d+"/);
    expect(svg).not.toContain('otpauth');
  });

  it('of another system is read as base32 or as a URI', () => {
    const base32 = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
    for (const text of [
      base32,
      base32.toLowerCase(),
      'GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ',
      `otpauth://totp/Acme:ada?secret=${base32}&issuer=Acme`,
      `otpauth://totp/ada?secret=${base32}&algorithm=SHA1&digits=6&period=30`,
    ])
      expect(Buffer.from(importedTotpSecret(text) ?? [])).toEqual(secret);
  });

  it('of another system that could not be checked is refused', () => {
    const base32 = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
    for (const text of [
      '',
      'GEZDGNBV',
      '0189',
      'a'.repeat(200),
      'otpauth://',
      `otpauth://hotp/ada?secret=${base32}&counter=0`,
      `otpauth://totp/ada?secret=${base32}&algorithm=SHA256`,
      `otpauth://totp/ada?secret=${base32}&digits=8`,
      `otpauth://totp/ada?secret=${base32}&period=60`,
      'otpauth://totp/%zz?secret=GEZDGNBVGY3TQOJQ',
    ])
      expect(importedTotpSecret(text), text).toBeUndefined();
  });
});

describe('A recovery code', () => {
  const code = '0123-4567-89AB-CDEF-GHJK-MNPQ';

  it('is read in any case, with or without hyphens, and I, L, O as 1, 1, 0', () => {
    for (const typed of [
      code.toLowerCase(),
      code.replaceAll('-', ''),
      'oI23 4567 89ab cdef ghjk mnpq',
      `O${code.slice(1).replace('1', 'l')}`,
    ]) {
      expect(codeKind(typed)).toBe('recovery');
      expect(recoveryCodeHash(typed)).toEqual(recoveryCodeHash(code));
    }
  });

  it('has 24 characters of its alphabet, and nothing else', () => {
    for (const typed of [
      '',
      code.slice(1),
      `${code}0`,
      code.replace('0', 'U'),
      code.replace('1', 'ı'),
      code.replace('C', 'ｃ'),
    ]) {
      expect(codeKind(typed)).toBeUndefined();
      expect(recoveryCodeHash(typed)).toBeUndefined();
    }
  });

  it('is told from a TOTP code by its form', () => {
    expect(codeKind('123 456')).toBe('totp');
    expect(codeKind(code)).toBe('recovery');
  });
});
