import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.js';
import { checkFileModes } from '../../src/operations/doctor/file-modes.js';
import { checkSettings, nodeVersion } from '../../src/operations/doctor/settings-checks.js';

const findings = (environment: Record<string, string>) =>
  Object.fromEntries(checkSettings(parseConfig(environment)).map(({ check, status }) => [check, status]));

const production = {
  NODE_ENV: 'production',
  AUTH_SECRET: 'tests-only-0123456789abcdefghijklmnopqrstuvwxyz',
  JWT_ISSUER: 'https://login.test',
  DATABASE_URL: 'postgresql://somewhere/gatelatch',
};

describe('doctor on settings', () => {
  it('finds nothing wrong with good production settings', () => {
    expect(new Set(Object.values(findings(production)))).toEqual(new Set(['ok']));
  });

  it('finds problems in production, but not in development', () => {
    const bad = { JWT_ISSUER: 'http://login.test', DATABASE_URL: 'pglite:.data/db' };
    expect(findings({ ...production, ...bad })).toMatchObject({
      JWT_ISSUER: 'problem',
      DATABASE_URL: 'warning',
      cookies: 'ok',
    });
    expect(new Set(Object.values(findings(bad)))).toEqual(new Set(['ok']));
  });

  it.each([
    ['m=47104,t=1,p=1', 'ok'],
    ['m=47103,t=1,p=1', 'problem'],
    ['m=19456,t=2,p=1', 'ok'],
    ['m=19455,t=2,p=1', 'problem'],
    ['m=12288,t=3,p=1', 'ok'],
    ['m=12287,t=3,p=1', 'problem'],
    ['m=65536,t=3,p=4', 'ok'],
  ])('reports PASSWORD_HASH=%s as %s by OWASP’s minimum', (cost, status) => {
    expect(findings({ ...production, PASSWORD_HASH: cost }).PASSWORD_HASH).toBe(status);
  });

  it('accepts the versions of Node that package.json names', () => {
    for (const good of ['20.19.0', '22.12.0', '24.0.0', '25.1.0']) expect(nodeVersion(good).status, good).toBe('ok');
    for (const bad of ['18.20.0', '20.18.9', '21.7.0', '22.11.0', '23.5.0'])
      expect(nodeVersion(bad).status, bad).toBe('problem');
  });
});

describe('doctor on files', () => {
  let before: string;
  let dir: string;
  beforeEach(() => {
    before = process.cwd();
    dir = mkdtempSync(join(tmpdir(), 'gatelatch-doctor-'));
    for (const folder of ['.data', '.data/db', '.data/mail']) mkdirSync(join(dir, folder), { mode: 0o700 });
    writeFileSync(join(dir, '.data/auth-secret'), 'x', { mode: 0o600 });
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  // The working directory belongs to the whole process, so it is changed only for a moment.
  async function check(environment: Record<string, string> = {}) {
    process.chdir(dir);
    try {
      return await checkFileModes(parseConfig(environment));
    } finally {
      process.chdir(before);
    }
  }

  it('accepts what the server creates', async () => {
    expect((await check()).map(({ check, status }) => `${check} ${status}`)).toEqual([
      '.data/auth-secret ok',
      '.data/db ok',
      '.data/mail ok',
      '.data ok',
    ]);
  });

  it('checks the folder of the mails, if it is another one', async () => {
    mkdirSync(join(dir, 'letters'), { mode: 0o755 });
    expect((await check({ MAIL_FOLDER: 'letters' })).filter(({ status }) => status !== 'ok')).toEqual([
      expect.objectContaining({ check: 'letters', status: 'problem', mend: 'chmod 700 letters' }),
    ]);
  });

  it('finds what other users can open, and says how to fix it', async () => {
    chmodSync(join(dir, '.data/auth-secret'), 0o644);
    chmodSync(join(dir, '.data'), 0o755);
    expect((await check()).filter(({ status }) => status !== 'ok')).toEqual([
      expect.objectContaining({ check: '.data/auth-secret', status: 'problem', mend: 'chmod 600 .data/auth-secret' }),
      expect.objectContaining({ check: '.data', status: 'warning', mend: 'chmod 700 .data' }),
    ]);
  });
});
