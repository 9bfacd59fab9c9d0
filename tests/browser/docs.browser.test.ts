import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.js';
import { openBrowser, visit } from './open-browser.js';

let app: TestApp;
let browser: Browser;
beforeAll(async () => {
  [app, browser] = await Promise.all([startApp(), openBrowser()]);
});
afterAll(() => Promise.all([browser?.close(), app?.stop()]));

it('GET /docs shows for a route which permission it needs, and whether an API key will do', async () => {
  const { context, complaints } = await visit(browser);
  const page = await context.newPage();
  await page.goto(`${app.url}/docs#/Administration/listUsers`);
  await page.getByText('Needs the permission users:read; an API key that has it will do.').first().waitFor();
  const told = page.getByRole('row').filter({ hasText: 'x-' });
  await told.filter({ hasText: 'x-permission' }).filter({ hasText: 'users:read' }).waitFor();
  await told.filter({ hasText: 'x-tokens' }).filter({ hasText: 'any' }).waitFor();
  expect(complaints).toEqual([]);
});
