import type { Browser, Page } from 'playwright-core';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword } from '../support/app.js';
import { type Example, startExample } from '../support/example.js';
import { addTotp, codeOf, wrongCodeFor } from '../support/second-factor.js';
import { openBrowser, visit } from './open-browser.js';

let spa: Example;
let browser: Browser;
beforeAll(async () => {
  // Short enough that tokens are refreshed while the tests run.
  [spa, browser] = await Promise.all([startExample('spa', { ACCESS_TOKEN_TTL: '3s' }), openBrowser()]);
}, 60_000);
afterAll(() => Promise.all([browser?.close(), spa?.stop()]));

const refreshed = (page: Page) =>
  page.waitForResponse((answer) => answer.url().endsWith('/auth/refresh') && answer.status() === 200);

async function signUp(page: Page, username: string): Promise<void> {
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Password').fill(goodPassword);
  await page.getByRole('button', { name: 'Sign up' }).click();
  await page.getByText(`Hello, ${username}.`).waitFor();
}

/** Signs up, and adds an authenticator app, elsewhere. */
async function withSecondFactor(username: string) {
  const http = request(spa.gatelatchUrl);
  const { body } = await http.post('/auth/signup').send({ username, password: goodPassword }).expect(201);
  const bearer = { Authorization: `Bearer ${body.access_token}` };
  return addTotp({ http }, { bearer, password: goodPassword, refreshToken: body.refresh_token });
}

describe('The single-page app on another origin', () => {
  it.each([
    ['bearer tokens', '/', 'spa-bearer'],
    ['cookies', '/?transport=cookie', 'spa-cookies'],
  ])('signs up, keeps todos, stays signed in over refreshes and reloads, and logs out, with %s', async (...row) => {
    const [, path, username] = row;
    const { context, complaints } = await visit(browser);
    const page = await context.newPage();
    await page.goto(spa.url + path);
    await signUp(page, username);

    await page.getByLabel('New errand').fill('Buy a lamp');
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('checkbox', { name: 'Buy a lamp' }).check();
    await refreshed(page);
    await page.reload();
    await expect.poll(() => page.getByRole('checkbox', { name: 'Buy a lamp' }).isChecked()).toBe(true);
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('listitem').waitFor({ state: 'detached' });

    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Username').fill(username);
    await page.getByLabel('Password').fill(goodPassword);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText(`Hello, ${username}.`).waitFor();
    expect(complaints).toEqual([]);
  });

  it.each([
    ['bearer tokens', '/', 'spa-code-bearer'],
    ['cookies', '/?transport=cookie', 'spa-code-cookies'],
  ])('asks for a second factor where one is due, with %s', async (...row) => {
    const [, path, username] = row;
    const { secret, recoveryCodes } = await withSecondFactor(username);
    const { context, complaints } = await visit(browser);
    const page = await context.newPage();
    await page.goto(spa.url + path);
    const code = page.getByLabel('Code of your app');
    const logIn = () => page.getByRole('button', { name: 'Log in' }).click();
    await page.getByLabel('Username').fill(username);
    await page.getByLabel('Password').fill(goodPassword);
    expect(await code.isVisible()).toBe(false);
    await logIn();
    await code.fill(wrongCodeFor(secret));
    await logIn();
    await expect.poll(() => page.getByRole('alert').textContent()).toMatch(/Wrong code/);
    await code.fill(codeOf(secret));
    await logIn();
    await page.getByText(`Hello, ${username}.`).waitFor();

    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Username').fill(username);
    await page.getByLabel('Password').fill(goodPassword);
    await logIn();
    await code.waitFor();
    // Another login begins anew.
    await page.getByLabel('Username').fill(username.toUpperCase());
    await code.waitFor({ state: 'hidden' });
    await logIn();
    await code.fill(`${recoveryCodes[0]}`);
    await logIn();
    await page.getByText(`Hello, ${username}.`).waitFor();
    const due = '403 /auth/login';
    expect(complaints).toEqual([due, '401 /auth/login/second-factor', due, due]);
  });

  it('is allowed after preflights of its browser', async () => {
    const { context } = await visit(browser);
    const page = await context.newPage();
    await page.goto(spa.url);
    await signUp(page, 'spa-preflights');
    const asked = () => spa.logs.filter(({ method, status }) => method === 'OPTIONS' && status === 204);
    await expect
      .poll(() => asked().map(({ path }) => path))
      .toEqual(expect.arrayContaining(['/auth/signup', '/todos']));
  });

  it('with cookies keeps tokens where its scripts cannot see them, until the logout', async () => {
    const { context } = await visit(browser);
    const page = await context.newPage();
    await page.goto(`${spa.url}/?transport=cookie`);
    await signUp(page, 'spa-httponly');
    const seen = await page.evaluate(() => document.cookie + JSON.stringify(localStorage));
    expect(seen).toContain('spa-httponly');
    expect(seen).not.toMatch(/token/i);
    const hidden = async () => (await context.cookies()).filter(({ httpOnly }) => httpOnly).map(({ name }) => name);
    expect((await hidden()).sort()).toEqual(['access_token', 'device', 'refresh_token']);
    await page.getByRole('button', { name: 'Log out' }).click();
    await expect.poll(hidden).toEqual(['device']);
  });

  it('shows the API’s message if something is wrong', async () => {
    const { context, complaints } = await visit(browser);
    const page = await context.newPage();
    await page.goto(spa.url);
    await page.getByLabel('Username').fill('spa-nobody');
    await page.getByLabel('Password').fill('short');
    await page.getByRole('button', { name: 'Sign up' }).click();
    await expect.poll(() => page.getByRole('alert').textContent()).toMatch(/at least 15/);
    expect(complaints).toEqual(['422 /auth/signup']);
  });
});
