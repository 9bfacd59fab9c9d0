import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Example, startExample } from '../support/example.js';
import { openBrowser, visit } from './open-browser.js';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let example: Example;
let browser: Browser;
beforeAll(async () => {
  [example, browser] = await Promise.all([startExample('resource-server'), openBrowser()]);
});
afterAll(() => Promise.all([browser?.close(), example?.stop()]));

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
const nextDoor = (page: Page) => page.getByRole('region', { name: 'Knock next door' });
const says = (page: Page, text: string | RegExp) => nextDoor(page).getByRole('status').filter({ hasText: text });

async function signUp(page: Page, transport: 'Bearer' | 'Cookies'): Promise<void> {
  await page.goto(example.gatelatchUrl);
  await page.getByText('One moment').waitFor({ state: 'detached' });
  await page.getByRole('radio', { name: transport }).check();
  await press(page, 'Suggest one');
  await press(page, 'Sign up');
  await page.getByRole('heading', { name: 'The gate is open.' }).waitFor();
}

const knock = (page: Page) => nextDoor(page).getByRole('button').click();

describe('The playground beside a second service', () => {
  it('shows that the service lets the user in, and closes its door within a second of the logout', async () => {
    const { context, complaints } = await visit(browser);
    const page = await context.newPage();
    await signUp(page, 'Bearer');
    await knock(page);
    await says(page, 'It let you in.').waitFor();

    await press(page, 'Log out');
    const closed = says(page, 'It refused the same token');
    await closed.waitFor();
    const [, seconds, code] =
      /(\d\.\d) s after the session had ended: (\w+)/.exec(`${await closed.textContent()}`) ?? [];
    expect(code).toBe('session_revoked');
    expect(Number(seconds)).toBeLessThanOrEqual(1.5);
    process.stdout.write(`  The second service refused ${seconds} s after the logout\n`);
    expect(complaints.filter((complaint) => complaint !== '401 /orders')).toEqual([]);
  });

  it('is told by the service, too, of a session that ends elsewhere', async () => {
    const { context } = await visit(browser);
    const page = await context.newPage();
    await signUp(page, 'Bearer');
    await knock(page);
    await says(page, 'It let you in.').waitFor();
    const token = await page.evaluate(() => JSON.stringify(sessionStorage).match(/eyJ[\w-]+\.[\w-]+\.[\w-]+/)?.[0]);
    await fetch(`${example.gatelatchUrl}/auth/logout`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}` },
    });
    await expect
      .poll(async () => {
        await knock(page);
        return says(page, 'It refused you: session_revoked.').count();
      })
      .toBe(1);
  });

  it('sends no cookie there, and says so', async () => {
    const { context } = await visit(browser);
    const page = await context.newPage();
    await signUp(page, 'Cookies');
    await says(page, 'Your tokens are cookies of this server alone.').waitFor();
    const [asked] = await Promise.all([page.waitForRequest(/\/orders$/), knock(page)]);
    expect((await asked.allHeaders()).cookie).toBeUndefined();
    await says(page, 'It refused you: unauthenticated.').waitFor();
  });

  it.each([320, 1_360])('has no violation that axe finds, %d pixels wide', async (width) => {
    const { context } = await visit(browser, { viewport: { width, height: 850 }, reducedMotion: 'reduce' });
    const page = await context.newPage();
    await signUp(page, 'Bearer');
    await knock(page);
    await says(page, 'It let you in.').waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    expect((await nextDoor(page).getByRole('button').boundingBox())?.height).toBeGreaterThanOrEqual(43.5);
    await page.evaluate(axeSource);
    const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
    expect(violations.map(({ id, nodes }) => `${id} ${nodes.map(({ target }) => target)}`)).toEqual([]);
  });
});
