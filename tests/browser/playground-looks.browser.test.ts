import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { AxeResults } from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { openBrowser, visit } from './open-browser.js';

const artefacts = fileURLToPath(new URL('artefacts', import.meta.url));
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// Its buttons are part of the page; nobody is asked anything there.
const withProvider = {
  PROVIDERS: 'corp',
  PROVIDER_CORP_ISSUER: 'http://localhost:1',
  PROVIDER_CORP_CLIENT_ID: 'gatelatch',
  PROVIDER_CORP_CLIENT_SECRET: 'corp-knows-this-secret-of-gatelatch',
};

let app: TestApp;
let browser: Browser;
beforeAll(async () => {
  mkdirSync(artefacts, { recursive: true });
  [app, browser] = await Promise.all([startApp(withProvider), openBrowser()]);
});
afterAll(() => Promise.all([browser?.close(), app?.stop()]));

const phone = { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true };
const desk = { viewport: { width: 1360, height: 850 } };
const looks: [name: string, options: BrowserContextOptions][] = [
  ['light', { ...desk, colorScheme: 'light' }],
  ['dark', { ...desk, colorScheme: 'dark' }],
  ['phone', { ...phone, colorScheme: 'light' }],
  ['phone-dark', { ...phone, colorScheme: 'dark' }],
];

describe.each(looks)('The playground, %s,', (name, options) => {
  it('has no violation that axe finds, and is no wider than the screen, closed, open, with a new key and asking for proof', async () => {
    const { context } = await visit(browser, { ...options, reducedMotion: 'reduce' });
    const page = await context.newPage();
    await page.goto(app.url);
    await page.getByText('Sign up and it opens').waitFor();
    await page.getByRole('button', { name: 'Continue with corp', exact: false }).waitFor();
    await expectSound(page, `${name}-closed`);

    await page.getByRole('button', { name: 'GET /welcome' }).click();
    await page.getByRole('button', { name: 'Suggest one' }).click();
    const password = await page.getByLabel('Password').inputValue();
    await page.getByRole('button', { name: 'Sign up', exact: true }).click();
    await page.getByRole('heading', { name: 'The gate is open.' }).waitFor();
    await page.getByLabel('What is to be done').fill('Read the route table');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('checkbox', { name: 'Read the route table' }).check();
    await page.getByLabel('Keep knocking').check();
    await page.getByText('1 × let in').waitFor();
    await expectSound(page, `${name}-open`);
    await page.getByLabel('Keep knocking').uncheck();

    await page.getByLabel('What the key is for').fill('Nightly backup');
    await page.getByRole('button', { name: 'Make a key' }).click();
    await page.getByRole('dialog').getByLabel('Your password').fill(password);
    await page.getByRole('button', { name: 'It is me' }).click();
    await page.getByRole('heading', { name: 'Your new key' }).waitFor();
    await expectSound(page, `${name}-key`);

    await page.getByRole('button', { name: 'Add an authenticator app' }).click();
    await page.getByRole('dialog').getByLabel('Your password').fill(password);
    await expectSound(page, `${name}-proof`);
    await page.getByRole('button', { name: 'It is me' }).click();
    await page.getByLabel('The first code').waitFor();
    await expectSound(page, `${name}-totp`);
  });
});

async function expectSound(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${artefacts}/${name}.png`, fullPage: true });
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  expect(await smallTargets(page)).toEqual([]);
  // Not added as a script of the page, because its policy would refuse that.
  await page.evaluate(axeSource);
  const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
  const told = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} ${target}: ${failureSummary}`),
  );
  expect(told).toEqual([]);
}

/** Buttons and the like that are lower than a fingertip (44 px), except links in text. */
async function smallTargets(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const targets = [...document.querySelectorAll<HTMLElement>('button, summary, label:has(input), nav a, a.button')];
    return targets
      .filter((target) => target.checkVisibility() && target.getBoundingClientRect().height < 43.5)
      .map((target) => `${target.textContent} ${target.getBoundingClientRect().height}`);
  });
}

describe('Loading the playground', () => {
  it('takes less than 150 kB, all of it from this server', async () => {
    const plain = await startAppForTest();
    const { context, complaints } = await visit(browser);
    const page = await context.newPage();
    const requests: Promise<{ origin: string; bytes: number }>[] = [];
    page.on('requestfinished', (request) => {
      const { origin } = new URL(request.url());
      requests.push(
        request.sizes().then((sizes) => ({ origin, bytes: sizes.responseHeadersSize + sizes.responseBodySize })),
      );
    });
    await page.goto(plain.url, { waitUntil: 'networkidle' });
    const loaded = await Promise.all(requests);
    const bytes = loaded.reduce((sum, one) => sum + one.bytes, 0);
    const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0);
    process.stdout.write(
      `  The playground: ${(bytes / 1000).toFixed(1)} kB in ${loaded.length} requests, first contentful paint ${Math.round(paint)} ms\n`,
    );
    expect([...new Set(loaded.map(({ origin }) => origin))]).toEqual([plain.url]);
    expect(bytes).toBeLessThan(150_000);
    expect(complaints).toEqual([]);
  });
});
