import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mails } from '../../src/mails.js';
import { openBrowser, visit } from './open-browser.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const artefacts = fileURLToPath(new URL('artefacts', import.meta.url));
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const folder = mkdtempSync(join(tmpdir(), 'gatelatch-mails-'));
let browser: Browser;
beforeAll(async () => {
  mkdirSync(artefacts, { recursive: true });
  execFileSync('npm', ['run', '--silent', 'mails', '--', folder], { cwd: root });
  browser = await openBrowser();
}, 300_000);
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

const phone: BrowserContextOptions = { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true };
const desk: BrowserContextOptions = { viewport: { width: 1200, height: 800 } };

const address = (file: string) => pathToFileURL(join(folder, file)).href;
const names = () => readdirSync(folder).flatMap((file) => /^(\w+)\.txt$/.exec(file)?.[1] ?? []);

/** Opens a mail and looks at it; by then it must have loaded nothing, because that tells when it was read. */
async function lookAt(context: BrowserContext, name: string, look: (page: Page) => Promise<void>): Promise<void> {
  const page = await context.newPage();
  const requested: string[] = [];
  page.on('request', (request) => requested.push(request.url()));
  await page.goto(address(`${name}.html`));
  await look(page);
  expect(requested).toEqual([address(`${name}.html`)]);
  await page.close();
}

const tooWide = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

/** How bright the colour behind the words is, from 0 to 255. */
const brightness = (page: Page) =>
  page.evaluate(() => {
    const { backgroundColor } = getComputedStyle(document.querySelector('.inner') as Element);
    const [red = 0, green = 0, blue = 0] = (backgroundColor.match(/\d+/g) ?? []).map(Number);
    return (red + green + blue) / 3;
  });

describe('npm run mails', () => {
  it('shows each mail: light, dark and as text', async () => {
    expect(names()).toEqual(expect.arrayContaining(Object.keys(mails)));
    const page = await (await visit(browser, desk)).context.newPage();
    await page.goto(address('index.html'), { waitUntil: 'networkidle' });
    expect(await page.locator('iframe').count()).toBe(2 * names().length);
    expect(await page.locator('pre').count()).toBe(names().length);
    expect(await tooWide(page)).toBeLessThanOrEqual(0);
    const frames = page.frameLocator('iframe');
    for (const [n, bright] of [true, false].entries()) {
      const colour = await frames
        .nth(n)
        .locator('.inner')
        .evaluate((inner) => getComputedStyle(inner).backgroundColor);
      expect(colour === 'rgb(255, 255, 255)').toBe(bright);
    }
    await page.screenshot({ path: join(artefacts, 'mails.png'), fullPage: true });
  });
});

describe('Every mail', () => {
  it.each(Object.entries({ phone, desk }))(
    'fits the screen and has no violation that axe finds: %s',
    async (screen, options) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        const { context } = await visit(browser, { ...options, colorScheme });
        for (const name of names())
          await lookAt(context, name, async (page) => {
            const file = `mail-${name}-${screen}-${colorScheme}.png`;
            await page.screenshot({ path: join(artefacts, file), fullPage: true });
            expect(await tooWide(page), name).toBeLessThanOrEqual(0);
            const { width = 0 } = (await page.locator('.inner').boundingBox()) ?? {};
            expect(width).toBeGreaterThan(280);
            expect(width).toBeLessThanOrEqual(520);
            for (const link of await page.locator('a').all()) {
              expect((await link.boundingBox())?.height).toBeGreaterThanOrEqual(44);
              expect(await link.getAttribute('href')).toMatch(/^https:\/\/login\.example\.com\//);
            }
            expect(await brightness(page), `${name} ${colorScheme}`)[
              colorScheme === 'light' ? 'toBeGreaterThan' : 'toBeLessThan'
            ](128);
            await page.evaluate(axeSource);
            const { violations } = (await page.evaluate(
              // A mail has no landmarks and no headings.
              'axe.run({ rules: { region: { enabled: false }, "landmark-one-main": { enabled: false }, "page-has-heading-one": { enabled: false } } })',
            )) as AxeResults;
            expect(violations.map(({ id, nodes }) => `${id} ${nodes[0]?.failureSummary}`)).toEqual([]);
          });
      }
    },
    300_000,
  );

  it('looks the same in a program that drops the style sheet, because all styles are inline', async () => {
    const { context } = await visit(browser, { ...desk, colorScheme: 'light' });
    for (const name of names())
      await lookAt(context, name, async (page) => {
        const before = await page.screenshot();
        await page.evaluate(() => {
          for (const element of document.querySelectorAll('style')) element.remove();
          for (const element of document.querySelectorAll('[class]')) element.removeAttribute('class');
        });
        expect((await page.screenshot()).equals(before), name).toBe(true);
      });
  }, 120_000);

  it('is laid out by tables that screen readers pass over, with an own one for Outlook, which knows no max-width', () => {
    for (const name of names()) {
      const html = readFileSync(join(folder, `${name}.html`), 'utf8');
      const opened = html.match(/<table[^>]*>/g) ?? [];
      expect(opened.filter((tag) => !tag.includes('role="presentation"'))).toEqual([]);
      expect(html).toMatch(/<!--\[if mso\]><table[^>]* width="520"[^>]*><tr><td><!\[endif\]-->/);
      expect(html).not.toMatch(/<(img|link|script|div|svg)\b|display:\s*(flex|grid)|url\(/);
    }
  });
});
