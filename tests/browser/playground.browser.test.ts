import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { openBrowser, type Visitor, visit } from './open-browser.js';

let app: TestApp;
let browser: Browser;
beforeAll(async () => {
  [app, browser] = await Promise.all([startApp(), openBrowser()]);
});
afterAll(() => Promise.all([browser?.close(), app?.stop()]));

const isOpen = (page: Page) => page.getByRole('heading', { name: 'The gate is open.' }).waitFor();
const isClosed = (page: Page) => page.getByRole('heading', { name: 'The gate is closed.' }).waitFor();
const ready = (page: Page) => page.getByText('One moment').waitFor({ state: 'detached' });
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
const wire = (page: Page) => page.getByRole('region', { name: 'On the wire' });
const says = (page: Page, text: string | RegExp) => wire(page).getByRole('status').filter({ hasText: text }).waitFor();
const exchanges = (page: Page, text: string | RegExp) => wire(page).getByRole('listitem').filter({ hasText: text });

/** Signs up as a new user would, with the suggested username and password. @returns the password */
async function signUp(page: Page, transport: 'Bearer' | 'Cookies' = 'Bearer'): Promise<string> {
  await page.goto(app.url);
  await ready(page);
  await page.getByRole('radio', { name: transport }).check();
  await press(page, 'Suggest one');
  const password = await page.getByLabel('Password').inputValue();
  await press(page, 'Sign up');
  await isOpen(page);
  return password;
}

/** Holds requests to there back. @returns what lets them go on */
async function holding(page: Page, url: string): Promise<() => void> {
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  await page.route(url, (route) => held.then(() => route.continue()));
  return goOn;
}

async function newVisitor(): Promise<Visitor & { page: Page }> {
  const visitor = await visit(browser);
  return { ...visitor, page: await visitor.context.newPage() };
}

describe.each(['Bearer', 'Cookies'] as const)('The playground with tokens by %s', (transport) => {
  it('leads a new user through sign-up, protected routes, todos, refresh, logout and login without an error', async () => {
    const { page, complaints } = await newVisitor();
    await page.goto(app.url);
    await ready(page);
    await isClosed(page);
    await press(page, 'GET /welcome');
    await says(page, 'GET /welcome: 401. No token came along');

    const password = await signUp(page, transport);
    await press(page, 'GET /welcome');
    await says(page, 'GET /welcome: 200. Welcome. Your access token opened this door.');
    await press(page, 'GET /me');
    await says(page, 'GET /me: 200.');

    await keepTodos(page);
    await press(page, 'Refresh now');
    await says(page, 'POST /auth/refresh: 200.');
    await page.reload();
    await isOpen(page);
    await page.getByRole('checkbox', { name: 'Read the whole route table' }).waitFor();

    await press(page, 'Log out');
    await isClosed(page);
    await press(page, 'GET /welcome');
    await says(page, 'GET /welcome: 401.');
    await page.getByLabel('Password').fill(password);
    await press(page, 'Log in');
    await isOpen(page);
    await press(page, 'Log out everywhere');
    await isClosed(page);

    expect(complaints.filter((complaint) => complaint !== '401 /welcome' && complaint !== '401 /auth/logout')).toEqual(
      [],
    );
  });
});

async function keepTodos(page: Page): Promise<void> {
  await page.getByText('Nothing to do yet').waitFor();
  for (const title of ['Read the route table', 'Change nothing']) {
    await page.getByLabel('What is to be done').fill(title);
    await press(page, 'Add');
    await page.getByRole('checkbox', { name: title }).waitFor();
  }
  await page.getByRole('checkbox', { name: 'Read the route table' }).check();
  await says(page, /^PATCH .* 200/);
  await press(page, 'Rename Read the route table');
  await page.getByLabel('New title of Read the route table').fill('Read the whole route table');
  await page.keyboard.press('Enter');
  await page.getByRole('checkbox', { name: 'Read the whole route table', checked: true }).waitFor();
  await press(page, 'Delete Change nothing');
  await page.getByRole('checkbox', { name: 'Change nothing' }).waitFor({ state: 'detached' });
}

describe('The access token', () => {
  it('is decoded, and its remaining time counts down', async () => {
    const { page } = await newVisitor();
    await signUp(page);
    for (const [name, text] of [
      ['alg', 'ES256'],
      ['aud', 'gatelatch'],
      ['sid', 'your session'],
      ['exp', 'valid until'],
    ])
      await page.getByRole('row', { name: new RegExp(`^${name} .*${text}`) }).waitFor();
    const left = page.getByRole('timer');
    const first = await left.textContent();
    expect(first).toMatch(/^1[45] min \d+ s left$/);
    await expect.poll(() => left.textContent(), { timeout: 10_000 }).not.toBe(first);
  });

  it('in a cookie cannot be read by a script', async () => {
    const { page, context } = await newVisitor();
    await signUp(page, 'Cookies');
    await page.getByText('no script can read it').waitFor();
    const names = (await context.cookies()).map(({ name, httpOnly }) => [name, httpOnly]);
    expect(names.sort()).toEqual([
      ['access_token', true],
      ['device', true],
      ['refresh_token', true],
    ]);
    const readable = await page.evaluate(() =>
      JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, document.documentElement.outerHTML]),
    );
    expect(readable).not.toContain('eyJ');
  });
});

describe('The log of the wire', () => {
  it('explains what the visitor did last, although the page fills its lists meanwhile', async () => {
    const { page } = await newVisitor();
    const list = await holding(page, '**/auth/sessions');
    await signUp(page);
    const refresh = await holding(page, '**/auth/refresh');
    const asked = page.waitForRequest('**/auth/refresh');
    await press(page, 'Refresh now');
    await asked;
    list();
    await exchanges(page, '/auth/sessions').waitFor();
    refresh();
    await says(page, 'POST /auth/refresh: 200.');
  });
});

describe('A session in a second tab', () => {
  it('is refused at once after the first tab ended it', async () => {
    const { page, context, complaints } = await newVisitor();
    const password = await signUp(page);
    const second = await openSecond(page, password);
    await second.getByLabel('Keep knocking').check();
    await second.getByText('1 × let in').waitFor();

    await press(page, 'Look again');
    const sessions = page.getByRole('region', { name: 'Your sessions' }).getByRole('listitem');
    await expect.poll(() => sessions.count()).toBe(2);
    await page.getByRole('button', { name: /^End the session of \d/ }).click();
    await isClosed(second);
    await second.getByText('This session has been ended').first().waitFor();
    await press(page, 'GET /welcome');
    await says(page, 'GET /welcome: 200.');

    expect(context.pages()).toHaveLength(2);
    expect(complaints).toEqual(['401 /welcome']);
  });

  it('is not a copy of the first one, even if the browser duplicates the tab', async () => {
    const { page, context } = await newVisitor();
    await signUp(page);
    const [copy] = await Promise.all([
      context.waitForEvent('page'),
      page.evaluate(() => void window.open(location.href)),
    ]);
    expect(await copy.evaluate(() => sessionStorage.length)).toBeGreaterThan(0);
    await ready(copy);
    await isClosed(copy);
    await press(page, 'GET /welcome');
    await says(page, 'GET /welcome: 200.');
  });
});

async function openSecond(page: Page, password: string): Promise<Page> {
  const username = /You are (\S+),/.exec((await page.getByText(/^You are /).textContent()) ?? '')?.[1];
  const link = page.getByRole('link', { name: 'Open a second session' });
  const [second] = await Promise.all([page.context().waitForEvent('page'), link.click()]);
  await ready(second);
  expect(await second.getByLabel('Username').inputValue()).toBe(username);
  await second.getByLabel('Password').fill(password);
  await press(second, 'Log in');
  await isOpen(second);
  return second;
}

describe('The log', () => {
  it('shows whole exchanges, but passwords only on request', async () => {
    const { page } = await newVisitor();
    const password = await signUp(page);
    const text = () => wire(page).textContent();
    expect(await text()).toContain('"password": "…"');
    expect(await text()).not.toContain(password);
    await exchanges(page, 'POST /auth/signup').getByRole('button', { name: 'Show secrets' }).click();
    expect(await text()).toContain(`"password": "${password}"`);
  });

  it('offers each request as a curl command, with the token and without the password', async () => {
    const { page, context } = await newVisitor();
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const password = await signUp(page);
    expect(await copied(exchanges(page, 'POST /auth/signup'))).toMatch(/^curl -i '.*\/auth\/signup' .*"password":"…"/s);
    await press(page, 'GET /me');
    const curl = await copied(exchanges(page, 'GET /me'));
    const token = /Authorization: Bearer ([\w.-]+)'/.exec(curl)?.[1];
    await app.http.get('/me').set('Authorization', `Bearer ${token}`).expect(200);
    expect(curl).not.toContain(password);
  });

  const copied = async (exchange: Locator) => {
    await exchange.getByRole('button', { name: 'Copy curl' }).click();
    return exchange.page().evaluate(() => navigator.clipboard.readText());
  };

  it('says in words why a request was refused, next to its code', async () => {
    const { page, complaints } = await newVisitor();
    await signUp(page);
    await press(page, 'Log out');
    await isClosed(page);
    await page.getByLabel('Password').fill('not the password at all');
    await press(page, 'Log in');
    await page.getByRole('alert').filter({ hasText: 'The name or the password is wrong.' }).waitFor();
    await exchanges(page, 'POST /auth/login').getByText('invalid_credentials', { exact: true }).waitFor();
    await page.getByRole('radio', { name: 'Sign up' }).check();
    await page.getByLabel('Password').fill('short');
    await press(page, 'Sign up');
    await page.getByRole('alert').filter({ hasText: 'Password: ' }).waitFor();
    expect(await page.getByLabel('Password').getAttribute('aria-invalid')).toBe('true');
    expect(complaints).toEqual(['401 /auth/login', '422 /auth/signup']);
  });
});

describe('API keys', () => {
  it('are made and ended by the keyboard, and each is shown once', async () => {
    const { page, complaints } = await newVisitor();
    const password = await signUp(page);
    const key = page.locator('#new-key-text');
    await page.getByLabel('What the key is for').fill('Nightly backup');
    await page.getByLabel('profile:read').uncheck();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByLabel('Your password').fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Your new key' }).waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('new-key-title');
    const made = `${await key.textContent()}`;
    const asked = (path: string) => app.http.get(path).set('Authorization', `Bearer ${made}`);
    expect([(await asked('/todos')).status, (await asked('/me')).status]).toEqual([200, 403]);
    // The log shows only its ends.
    expect(await page.locator('#exchanges').textContent()).not.toContain(made);

    await page.getByRole('button', { name: 'I have it' }).press('Enter');
    expect(await key.textContent()).toBe('');
    await page.getByRole('button', { name: 'End the key Nightly backup' }).press('Enter');
    await exchanges(page, 'DELETE').waitFor();
    await page.getByRole('button', { name: 'End the key Nightly backup' }).waitFor({ state: 'detached' });
    expect((await asked('/todos')).body.code).toBe('api_key_revoked');
    expect(complaints.filter((complaint) => !/422 \/me\/api-keys/.test(complaint))).toEqual([]);
  });
});

describe('If something goes wrong, the playground', () => {
  it('says that no response came, and works again when the server is back', async () => {
    const { page, context, complaints } = await newVisitor();
    await signUp(page);
    // The last of what a sign-in loads.
    await exchanges(page, '/me/api-keys').waitFor();
    await context.setOffline(true);
    await press(page, 'GET /welcome');
    await says(page, 'GET /welcome: no answer. No answer. Is the server running?');
    await context.setOffline(false);
    await press(page, 'GET /welcome');
    await says(page, 'GET /welcome: 200.');
    expect(complaints).toEqual(['net::ERR_INTERNET_DISCONNECTED /welcome']);
  });

  it('asks for an e-mail if the server needs it verified, and says that a mail was sent', async () => {
    const verifying = await startAppForTest({ SIGNUP: 'verified' });
    const { page } = await newVisitor();
    await page.goto(verifying.url);
    await ready(page);
    await press(page, 'Suggest one');
    await press(page, 'Sign up');
    await page.getByLabel('E-mail', { exact: true }).fill('ada@example.com');
    await press(page, 'Sign up');
    await page.getByText('A mail is on its way to you.').waitFor();
    await isClosed(page);
  });
});

describe('With the keyboard only', () => {
  it('a new user can sign up, call a protected route and log out', async () => {
    const { page } = await newVisitor();
    await page.goto(app.url);
    await ready(page);
    await isClosed(page);
    const tabTo = async (name: string) => {
      const isThere = () =>
        page.getByRole('button', { name, exact: true }).evaluate((it) => it === document.activeElement);
      for (let n = 0; n < 40 && !(await isThere()); n++) await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
    };
    await tabTo('Suggest one');
    // The sign-up button has the focus now.
    await page.keyboard.press('Enter');
    await isOpen(page);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('state');
    await tabTo('GET /welcome');
    await says(page, 'GET /welcome: 200.');
    await tabTo('Log out');
    await isClosed(page);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('state');
  });
});
