import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Page, pages, root } from './pages.js';

const languages = ['sh', 'text', 'nginx', 'ts', 'js', 'json', 'sql', 'ini', 'prisma', 'python'];
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

it('Every path of the project that a page names exists', () => {
  const named =
    /`((?:src|tests|scripts|prisma|deploy|bench|docs|examples)\/[\w./-]+\.(?:ts|mjs|md|sh|json|prisma|conf))`/g;
  const missing = pages.flatMap(({ path, text }) =>
    [...text.matchAll(named)].flatMap(([, file = '']) => (existsSync(join(root, file)) ? [] : [`${path}: ${file}`])),
  );
  // The guide adds these, and the example's README names its own files.
  expect(missing.filter((one) => !/^docs\/your-own-routes\.md|^examples\//.test(one))).toEqual([]);
});

it('CONTRIBUTING.md says where each room and each page is', () => {
  const guide = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
  const names = readdirSync(join(root, 'src'))
    .filter((name) => !['generated', 'own', 'platform'].includes(name))
    .map((name) => (name.endsWith('.ts') ? `\`src/${name}\`` : `\`${name}\``));
  expect(names.filter((name) => !guide.includes(name))).toEqual([]);
});

it('Every message in docs/trouble.md is one that the server prints', () => {
  const [code, messages] = [filesIn('src') + filesIn('scripts'), messagesOf('docs/trouble.md')];
  expect(messages.length).toBeGreaterThan(10);
  expect(messages.filter((message) => !fixedParts(message).every((part) => code.includes(part)))).toEqual([]);
});

/** The texts in the first column that are no answer to a client, and that are ours. */
function messagesOf(path: string): string[] {
  const cells = pages.find((page) => page.path === path)?.text.match(/^\| `[^|]*/gm) ?? [];
  const texts = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text));
  return texts.filter((text) => text.includes(' ') && !/^\d|^npm warn|^unsupported startup/.test(text));
}

/** What stays of a message when its numbers, names and `…` are taken out. */
function fixedParts(message: string): string[] {
  const parts = message.split(/…|\.data\/db|\d[\d.]*/).map((part) => part.trim());
  return parts.filter((part) => part.length > 5);
}

function filesIn(folder: string): string {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  const sources = names.filter((name) => /\.(ts|mjs)$/.test(name) && !name.includes('generated'));
  return sources.map((name) => readFileSync(join(root, folder, name), 'utf8')).join('\n');
}

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
