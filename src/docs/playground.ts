import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.js';
import type { Context, FileFolder, Reply } from '../endpoint.js';
import { AppError } from '../errors.js';

type Setting = Pick<Config, 'playground'>;

/** The scripts and styles of the page; none where it is off. */
export function files(setting: Setting): FileFolder {
  return loadable(setting, 'playground/dist');
}

/** The client package's modules, from which the page is built. */
export function clientFiles(setting: Setting): FileFolder {
  return loadable(setting, 'client/dist');
}

/**
 * The page on which all of it can be tried.
 * @throws AppError not_found where `PLAYGROUND` is off
 */
export async function handler({ deps: { config } }: Context<'public'>): Promise<Reply> {
  if (!config.playground) throw new AppError('not_found');
  const html = await readFile(join(built('playground/dist'), 'index.html'), 'utf8');
  return { status: 200, html, headers: { 'Content-Security-Policy': policy } };
}

// Its own files and this server's answers, and nothing else: no line of script or style in the page itself.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join(';');

function loadable({ playground }: Setting, path: string): FileFolder {
  const folder = built(path);
  return { folder, names: playground ? readdirSync(folder).filter((name) => /\.(js|css|svg)$/.test(name)) : [] };
}

function built(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
