import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { StartError } from '../../errors.js';

/** The variables of a file, if it is there. @throws StartError: a file that was read in part would lose settings silently */
export function readEnvFile(path: string): Record<string, string | undefined> {
  return existsSync(path) ? parseEnv(textOf(path)) : {};
}

/** Editors of Windows write UTF-16, and UTF-8 with a byte order mark, which would become part of the first name. */
function textOf(path: string): string {
  const bytes = read(path);
  const encoding = { fffe: 'utf-16le', feff: 'utf-16be' }[bytes.subarray(0, 2).toString('hex')] ?? 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch {}
  throw new StartError(`The file ${path} must be text in UTF-8.`);
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new StartError(`The file ${path} cannot be read: ${(error as NodeJS.ErrnoException).code}.`, {
      cause: error,
    });
  }
}
