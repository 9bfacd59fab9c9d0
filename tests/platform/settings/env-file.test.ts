import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config.js';
import { StartError } from '../../../src/errors.js';

const text = 'SIGNUP=closed\r\nMAIL_FROM="Bücher <books@example.com>"\nJWT_AUDIENCE=shop\n';

let dir: string;
let environment: NodeJS.ProcessEnv;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gatelatch-env-'));
  environment = { ...process.env };
});
afterEach(() => {
  process.env = environment;
  rmSync(dir, { recursive: true, force: true });
});

// The working directory belongs to the whole process, so it is changed only for a moment.
function load() {
  const before = process.cwd();
  process.chdir(dir);
  try {
    return loadConfig();
  } finally {
    process.chdir(before);
  }
}

const utf16 = (endian: 'le' | 'be') => {
  const bytes = Buffer.from(`\ufeff${text}`, 'utf16le');
  return endian === 'le' ? bytes : bytes.swap16();
};

describe('The file .env', () => {
  it.each([
    ['in UTF-8', Buffer.from(text)],
    ['in UTF-8 with a byte order mark', Buffer.from(`\ufeff${text}`)],
    ['in UTF-16 as Windows writes it', utf16('le')],
    ['in UTF-16 with the other order of bytes', utf16('be')],
  ])('is read whole %s', (_, bytes) => {
    writeFileSync(join(dir, '.env'), bytes);
    const { signup, mail, tokens } = load();
    expect([signup, mail.from, tokens.audience]).toEqual([
      'closed',
      '=?UTF-8?B?QsO8Y2hlcg==?= <books@example.com>',
      'shop',
    ]);
  });

  it.each([
    ['in UTF-16 without a byte order mark', utf16('le').subarray(2)],
    ['in Latin-1', Buffer.from(text, 'latin1')],
    ['with a NUL', Buffer.from(`${text}\0`)],
  ])('stops the start %s, with one line', (_, bytes) => {
    writeFileSync(join(dir, '.env'), bytes);
    expect(load).toThrow(new StartError('The file .env must be text in UTF-8.'));
  });

  it('stops the start if it is no file', () => {
    mkdirSync(join(dir, '.env'));
    expect(load).toThrow(new StartError('The file .env cannot be read: EISDIR.'));
  });

  it.each(['SIGN_UP', 'RATE_LIMIT_FORGOT'])('stops the start if it sets %s, which is no setting', (name) => {
    writeFileSync(join(dir, '.env'), `${name}=closed\nPOSTGRES_PASSWORD=x\n`);
    expect(load).toThrow(new RegExp(`^${name}.* is no setting`));
  });

  it('does not override the environment, and libraries see it', () => {
    writeFileSync(join(dir, '.env'), 'SIGNUP=closed\nJWT_AUDIENCE=shop\nOTEL_RESOURCE_ATTRIBUTES=a=b\n');
    process.env.SIGNUP = 'verified';
    const { signup, tokens } = load();
    expect([signup, tokens.audience]).toEqual(['verified', 'shop']);
    expect(process.env.OTEL_RESOURCE_ATTRIBUTES).toBe('a=b');
  });
});
