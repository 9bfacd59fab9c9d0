import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A fenced block of a page: its language, the rest of that line, its text, and its first line number. */
export type Block = { language: string; info: string; text: string; line: number };

/** A page of the docs: its path from the root, its text and its blocks. */
export type Page = { path: string; text: string; blocks: Block[] };

/** Every page of the docs. */
export const pages: Page[] = [
  ...markdownIn('.', false),
  ...markdownIn('docs', true),
  ...markdownIn('client', false),
  ...markdownIn('verify', false),
  ...readdirSync(join(root, 'examples')).flatMap((name) => markdownIn(`examples/${name}`, false)),
].map(readPage);

function markdownIn(folder: string, recursive: boolean): string[] {
  if (folder.endsWith('.mjs')) return [];
  const names = readdirSync(join(root, folder), { recursive, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => join(folder, name));
}

function readPage(path: string): Page {
  const text = readFileSync(join(root, path), 'utf8');
  return { path, text, blocks: blocksOf(text) };
}

/** The fenced blocks of a page's text. */
export function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^( *)```(\S+) ?(.*)\n([\s\S]*?)^\1```$/gm)].map((match) => {
    const [, indent = '', language = '', info = '', block = ''] = match;
    const line = text.slice(0, match.index).split('\n').length;
    return { language, info, text: block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''), line };
  });
}
