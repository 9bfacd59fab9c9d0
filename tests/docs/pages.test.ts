import { existsSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Page, pages, root } from './pages.js';

const languages = ['sh', 'text', 'ts', 'js', 'json', 'sql', 'ini', 'prisma', 'python'];
const commands = /^\s*(npm|npx|node|curl|docker|git|psql|kubectl|pg_dump|apt-get|scripts\/)/;
const withoutBlocks = ({ text }: Page) => text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '');

describe.each(pages)('$path', (page) => {
  it('has its commands in blocks that a test runs, or that say why it does not', () => {
    for (const { language, info, text, line } of page.blocks) {
      expect(languages, `line ${line}`).toContain(language);
      if (info.startsWith('no-run')) expect(info, `line ${line}: why is it not run?`).toMatch(/^no-run \w.{5,}/);
      if (language !== 'sh' && language !== 'text') expect(text, `line ${line}`).not.toMatch(/\bcurl -/);
    }
    const indented = withoutBlocks(page)
      .split('\n')
      .filter((line) => line.startsWith('    ') && commands.test(line));
    expect(indented).toEqual([]);
  });

  it('has no broken links', () => {
    const links = [...withoutBlocks(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    expect(links.filter((link) => !/^https?:/.test(link) && !leadsSomewhere(page, link))).toEqual([]);
  });
});

it('The README has at most 320 lines', () => {
  expect(pages.find(({ path }) => path === 'README.md')?.text.split('\n').length).toBeLessThanOrEqual(320);
});

function leadsSomewhere({ path }: Page, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? path : relative(root, join(root, dirname(path), file));
  if (!existsSync(join(root, target))) return false;
  if (anchor === undefined || statSync(join(root, target)).isDirectory()) return anchor === undefined;
  return anchorsOf(pages.find((page) => page.path === target)).includes(anchor);
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: Page | undefined): string[] {
  const headings = [...(page ? withoutBlocks(page) : '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
