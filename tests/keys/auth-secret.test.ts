import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { authSecret } from '../../src/keys/auth-secret.js';

it.skipIf(process.platform === 'win32')(
  'a kept secret is for its owner alone, also if a copy gave it to all',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'gatelatch-secret-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const file = join(dir, 'auth-secret');
    const made = await authSecret({ authSecret: undefined }, file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    chmodSync(file, 0o644);
    expect(await authSecret({ authSecret: undefined }, file)).toBe(made);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  },
);
