import { blocksOf } from '../docs/pages.js';
import type { Copy } from './copy.js';

/** The commands of the guide that create files; the test runs the others. */
const making = /^npm run (db:migration|generate)\b/;

/** Follows the copy's docs/your-own-routes.md letter by letter. */
export function followGuide(copy: Copy): void {
  followPage(copy, 'docs/your-own-routes.md');
}

/** Follows a page of the copy: writes each block where it says, and runs the commands. */
export function followPage(copy: Copy, page: string): void {
  for (const { language, info, text } of blocksOf(copy.read(page))) {
    const [, how, target = '', line = ''] = /^(file|append|after)=([^:]+)(?::(\w+))?$/.exec(info) ?? [];
    if (how === 'file') copy.write(target, text);
    else if (how === 'append') copy.write(target, `${copy.read(target)}\n${text}`);
    else if (how === 'after') copy.write(target, insertAfter(copy.read(target), line, text));
    else if (language === 'sh')
      for (const command of text.trim().split('\n')) if (making.test(command)) copy.run('bash', '-c', command);
  }
}

/** Inserts text below the line that begins with a word. */
function insertAfter(whole: string, word: string, text: string): string {
  const lines = whole.split('\n');
  const place = lines.findIndex((line) => line.trim().startsWith(`${word} `));
  if (place < 0) throw new Error(`No line begins with ${word}`);
  return [...lines.slice(0, place + 1), text.replace(/\n$/, ''), ...lines.slice(place + 1)].join('\n');
}
