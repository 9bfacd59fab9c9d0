import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.js';
import { freePort } from '../support/free-port.js';
import { codeOf } from '../support/second-factor.js';
import { openBrowser, type Visitor, visit } from './open-browser.js';

let app: TestApp;
let browser: Browser;
beforeAll(async () => {
  const port = await freePort();
  const own = { PORT: `${port}`, PASSKEY_ORIGINS: `http://localhost:${port}` };
  [app, browser] = await Promise.all([startApp(own), openBrowser()]);
});
afterAll(() => Promise.all([browser?.close(), app?.stop()]));

const isOpen = (page: Page) => page.getByRole('heading', { name: 'The gate is open.' }).waitFor();
const isClosed = (page: Page) => page.getByRole('heading', { name: 'The gate is closed.' }).waitFor();
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
const methods = (page: Page) => page.getByRole('region', { name: 'Your ways to sign in' });

/** Signs up as a new user would. @returns the password */
async function signUp(page: Page): Promise<string> {
  await page.goto(app.url);
  await page.getByText('One moment').waitFor({ state: 'detached' });
  await press(page, 'Suggest one');
  const password = await page.getByLabel('Password').inputValue();
  await press(page, 'Sign up');
  await isOpen(page);
  return password;
}

async function newVisitor(): Promise<Visitor & { page: Page }> {
  const visitor = await visit(browser);
  return { ...visitor, page: await visitor.context.newPage() };
}

/** A phone that has a passkey and knows its user's finger. */
async function withAuthenticator(page: Page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const passkeys = async () => (await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length;
  return { passkeys };
}

/** Whether the browser says from now on that it offers passkeys in a field (conditional mediation). */
async function offersInField(page: Page, offers: boolean): Promise<void> {
  await page.evaluate((says) => {
    Object.assign(PublicKeyCredential, { isConditionalMediationAvailable: () => Promise.resolve(says) });
  }, offers);
}

async function prove(page: Page, password: string, code?: string): Promise<void> {
  const dialog = page.getByRole('dialog', { name: 'Is it you?' });
  await dialog.getByLabel('Your password').fill(password);
  if (code) await dialog.getByLabel('A code').fill(code);
  await dialog.getByRole('button', { name: 'It is me' }).click();
  await dialog.waitFor({ state: 'hidden' });
}

describe('In the playground', () => {
  it('a user adds an authenticator app, keeps the recovery codes, logs in with a code, and removes the app', async () => {
    const { page, complaints } = await newVisitor();
    const password = await signUp(page);
    await press(page, 'Add an authenticator app');
    await prove(page, password);
    const picture = page.getByRole('img', { name: 'The secret as a QR code' });
    await expect.poll(() => picture.evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBeGreaterThan(0);
    const secret = `${await page.locator('#totp-secret').textContent()}`;
    await page.getByLabel('The first code').fill(codeOf(secret));
    await press(page, 'Confirm');
    await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
    const codes = await page.locator('#recovery-code-list li').allTextContents();
    expect(codes).toHaveLength(10);
    expect(await page.getByRole('region', { name: 'On the wire' }).textContent()).not.toContain(secret);
    expect(await page.getByRole('region', { name: 'On the wire' }).textContent()).not.toContain(codes[0]);
    await press(page, 'I have kept them');
    await methods(page).getByText('10 left').waitFor();

    await press(page, 'Log out');
    await isClosed(page);
    await page.getByLabel('Password').fill(password);
    await press(page, 'Log in');
    await page.getByLabel('Code of your app').fill('000000');
    await press(page, 'Go on');
    await page.getByText('The code is wrong').first().waitFor();
    await page.getByLabel('Code of your app').fill(`${codes[0]}`);
    await page.getByLabel('ask on this device again').check();
    await press(page, 'Go on');
    await isOpen(page);
    await page.getByRole('row', { name: /^acr aal2/ }).waitFor();
    await methods(page).getByText('9 left').waitFor();
    await press(page, 'Log out');
    await isClosed(page);

    // The device is remembered, so this sign-in is not strong enough to remove the app.
    await page.getByLabel('Password').fill(password);
    await press(page, 'Log in');
    await isOpen(page);
    await press(page, 'Remove Authenticator');
    await prove(page, password, codeOf(secret, 1));
    await methods(page).getByText('Your second factor is off').waitFor();

    const expected = ['422 /me/totp', '403 /auth/login', '401 /auth/login/second-factor'];
    const steps = complaints.filter((one) => !expected.includes(one) && !/^401 \/me\/totp\/[\da-f-]{36}$/.test(one));
    expect(steps).toEqual([]);
  });

  it('a user adds a passkey, signs in with it, is offered it in the field, and removes it', async () => {
    const { page, complaints } = await newVisitor();
    const { passkeys } = await withAuthenticator(page);
    const password = await signUp(page);
    await press(page, 'Add a passkey');
    await prove(page, password);
    await press(page, 'I have kept them');
    await methods(page).getByText('passkey', { exact: false }).first().waitFor();
    expect(await passkeys()).toBe(1);

    // Of a browser that offers nothing in the field: else that might be answered before the button is pressed.
    await offersInField(page, false);
    await press(page, 'Log out');
    await isClosed(page);
    await press(page, 'Use a passkey');
    await isOpen(page);
    await page.getByRole('row', { name: /^acr phr/ }).waitFor();

    // With the user's finger at hand, what waits in the field gets its answer.
    await offersInField(page, true);
    await press(page, 'Log out');
    await isOpen(page);
    await press(page, 'Remove Passkey');
    await methods(page).getByText('Passkey', { exact: true }).waitFor({ state: 'detached' });
    expect(complaints.filter((one) => one !== '422 /me/passkeys/options')).toEqual([]);
  });
});
