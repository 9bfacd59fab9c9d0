import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../config.js';
import { makePrivate } from '../platform/process/file-rights.js';

const secretFile = '.data/auth-secret';

/** `AUTH_SECRET`, or in development a secret created on the first start in `.data/auth-secret` (mode 0600). */
export async function authSecret(config: Pick<Config, 'authSecret'>, file = secretFile): Promise<string> {
  return config.authSecret ?? (await keptSecret(file)) ?? (await makeSecret(file));
}

async function keptSecret(file: string): Promise<string | undefined> {
  try {
    await makePrivate(file);
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

// Written completely, then linked: no half secret, and of two starts at once one wins.
async function makeSecret(file: string): Promise<string> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${randomBytes(48).toString('base64')}\n`, { mode: 0o600 });
  try {
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft);
  }
  return (await readFile(file, 'utf8')).trim();
}
