import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// @ts-expect-error It is plain JavaScript.
import { startCorp as start } from '../../examples/corp/corp.mjs';
import { goodPassword as password, startApp, type TestApp } from '../support/app.js';
import { type Example, startExample } from '../support/example.js';
import { freePort } from '../support/free-port.js';
import { mailTo } from '../support/mails.js';
import { codeOf } from '../support/second-factor.js';
import { openBrowser, type Visitor, visit } from './open-browser.js';

type Corp = { issuer: string; close(): Promise<void> };
type Options = { port: number; clientId: string; clientSecret: string; redirectUris: string[] };
const startCorp: (options: Options) => Promise<Corp> = start;

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

async function newVisitor(): Promise<Visitor & { page: Page }> {
  const visitor = await visit(browser);
  return { ...visitor, page: await visitor.context.newPage() };
}

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
const alerted = (page: Page, text: RegExp) => page.getByRole('alert').filter({ hasText: text }).waitFor();

/** Goes to Corp and says there who one is. */
async function comeAs(page: Page, person: string, by = 'Continue with Corp'): Promise<void> {
  await press(page, by);
  await page.getByLabel('Somebody else').fill(person);
  await press(page, 'Sign in');
}

/** The requests of a page that carry something to a path. */
function sentTo(page: Page, path: string): string[] {
  const bodies: string[] = [];
  page.on('request', (request) => {
    if (new URL(request.url()).pathname === path) bodies.push(request.postData() ?? '');
  });
  return bodies;
}

describe('By Corp, on the single-page app,', () => {
  let spa: Example;
  beforeAll(async () => {
    spa = await startExample('spa');
  }, 120_000);
  afterAll(() => spa?.stop());

  /** @returns the name that the page greets */
  async function greeted(page: Page): Promise<string> {
    const greeting = await page.getByText(/^Hello, \S+\.$/).textContent();
    return /^Hello, (\S+)\.$/.exec(greeting ?? '')?.[1] ?? '';
  }

  it.each([
    ['bearer tokens', '/', 'ada'],
    ['cookies', '/?transport=cookie', 'grace'],
  ])('a new user comes to their errands, and from a second browser to the same ones, with %s', async (...row) => {
    const [, path, person] = row;
    const first = await newVisitor();
    await first.page.goto(spa.url + path);
    await comeAs(first.page, person);
    const name = await greeted(first.page);
    expect(name).toMatch(new RegExp(`^${person}`));
    expect(first.page.url()).toBe(spa.url + path);
    await first.page.getByLabel('New errand').fill('Buy a lamp');
    await press(first.page, 'Add');
    await first.page.getByRole('checkbox', { name: 'Buy a lamp' }).waitFor();
    await first.page.reload();
    expect(await greeted(first.page)).toBe(name);

    const second = await newVisitor();
    await second.page.goto(spa.url + path);
    await comeAs(second.page, person);
    expect(await greeted(second.page)).toBe(name);
    await second.page.getByRole('checkbox', { name: 'Buy a lamp' }).waitFor();
    const hidden = (await second.context.cookies(spa.gatelatchUrl)).filter(
      ({ httpOnly, name }) => httpOnly && !/^_/.test(name),
    );
    expect(hidden.some(({ name }) => name === 'access_token')).toBe(path.includes('cookie'));
    expect([...first.complaints, ...second.complaints]).toEqual([]);
  });

  it('leaves no code and no token in the browser’s history or storage of the flow', async () => {
    const { page } = await newVisitor();
    await page.goto(spa.url);
    await comeAs(page, 'edsger');
    await greeted(page);
    expect(await page.evaluate(() => JSON.stringify({ ...sessionStorage }))).not.toMatch(/verifier|state/);
    await page.goBack();
    await page.goForward();
    expect(await greeted(page)).toMatch(/^edsger/);
    expect(page.url()).not.toMatch(/code|state/);
  });

  it('a user who does not want to stays outside, and can try again', async () => {
    const { page, complaints } = await newVisitor();
    await page.goto(spa.url);
    await press(page, 'Continue with Corp');
    await press(page, 'Cancel');
    await alerted(page, /cancelled there/);
    await comeAs(page, 'hedy');
    expect(await greeted(page)).toMatch(/^hedy/);
    expect(complaints).toEqual([]);
  });

  it('nobody is signed in by an answer that they did not ask for', async () => {
    const caught = await answerForAnother(spa, 'mallory');
    expect(caught).toMatch(/\/callback\?code=/);

    const { page: victim } = await newVisitor();
    const sent = sentTo(victim, '/auth/external/token');
    await victim.goto(caught);
    await alerted(victim, /not begun here/);
    expect(victim.url()).toBe(`${spa.url}/`);
    expect(sent).toEqual([]);
  });

  it('a second factor that is on is asked for', async () => {
    const { page, complaints } = await newVisitor();
    await page.goto(spa.url);
    await comeAs(page, 'radia');
    const name = await greeted(page);
    const secret = await enrolTotp(page, spa.gatelatchUrl);
    await press(page, 'Log out');
    await comeAs(page, 'radia');
    await page.getByLabel('Code of your app').fill(codeOf(secret, 1));
    await press(page, 'Log in');
    expect(await greeted(page)).toBe(name);
    expect(complaints).toEqual(['403 /auth/external/token']);
  });
});

/** Goes to Corp with a state and a verifier of one's own, and keeps the answer from the page. @returns where it would go */
async function answerForAnother(spa: Example, person: string): Promise<string> {
  const begun = await fetch(`${spa.gatelatchUrl}/auth/external`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      provider: 'corp',
      redirect_uri: `${spa.url}/callback`,
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      state: 'of-the-attacker',
    }),
  });
  const { url } = (await begun.json()) as { url: string };
  const { context } = await visit(browser, { javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(url);
  await page.getByLabel('Somebody else').fill(person);
  await press(page, 'Sign in');
  return page.url();
}

/** Turns the second factor on with the tokens of the page. */
async function enrolTotp(page: Page, api: string): Promise<string> {
  const kept = await page.evaluate(() =>
    Object.values({ ...localStorage }).find((value) => value.includes('accessToken')),
  );
  const headers = { Authorization: `Bearer ${JSON.parse(kept ?? '').accessToken}`, 'Content-Type': 'application/json' };
  const send = async (path: string, body: object) =>
    (await fetch(api + path, { method: 'POST', headers, body: JSON.stringify(body) })).json() as Promise<{
      id: string;
      secret: string;
    }>;
  const { id, secret } = await send('/me/totp', {});
  await send(`/me/totp/${id}/confirm`, { code: codeOf(secret) });
  return secret;
}

describe('By Corp, on the playground,', () => {
  let corp: Corp;
  let app: TestApp;
  beforeAll(async () => {
    const port = await freePort();
    const issuer = `http://localhost:${port}`;
    const client = { clientId: 'gatelatch', clientSecret: 'corp-knows-this-secret-of-gatelatch' };
    corp = await startCorp({ ...client, port: 0, redirectUris: [`${issuer}/auth/callback/corp`] });
    app = await startApp({
      PORT: `${port}`,
      JWT_ISSUER: issuer,
      PROVIDERS: 'corp',
      PROVIDER_CORP_ISSUER: corp.issuer,
      PROVIDER_CORP_LABEL: 'Corp',
      PROVIDER_CORP_CLIENT_ID: client.clientId,
      PROVIDER_CORP_CLIENT_SECRET: client.clientSecret,
      PROVIDER_CORP_TRUST_EMAIL: 'verified',
    });
  });
  afterAll(async () => {
    await app?.stop();
    await corp?.close();
  });

  const isOpen = (page: Page) => page.getByRole('heading', { name: 'The gate is open.' }).waitFor();
  const methods = (page: Page) => page.getByRole('region', { name: 'Your ways to sign in' });
  const wire = (page: Page) => page.getByRole('region', { name: 'On the wire' });

  async function prove(page: Page): Promise<void> {
    const dialog = page.getByRole('dialog', { name: 'Is it you?' });
    await dialog.getByLabel('Your password').fill(password);
    await dialog.getByRole('button', { name: 'It is me' }).click();
    await dialog.waitFor({ state: 'hidden' });
  }

  it.each(['Bearer', 'Cookies'])(
    'a new user comes in, and sees what came of it on the wire (%s)',
    async (transport) => {
      const { page, complaints } = await newVisitor();
      await page.goto(app.url);
      await page.getByRole('radio', { name: transport }).check();
      await comeAs(page, `katherine-${transport.toLowerCase()}`.replace('-', '.'));
      await isOpen(page);
      expect(page.url()).toBe(`${app.url}/`);
      const told = wire(page).getByRole('listitem').filter({ hasText: 'POST /auth/external/token' });
      await told.waitFor();
      expect(await wire(page).textContent()).not.toMatch(/[\w-]{43}/);
      await methods(page)
        .getByText(/corp, /)
        .waitFor();
      expect(complaints).toEqual([]);
    },
  );

  it('a user links it with their password, comes in by it, and unlinks it, which ends what it began', async () => {
    const { page, complaints } = await newVisitor();
    await page.goto(app.url);
    await page.getByLabel('Username').fill('barbara');
    await page.getByLabel('Password').fill(password);
    await press(page, 'Sign up');
    await isOpen(page);
    await comeAs(page, 'barbara', 'Link Corp');
    await prove(page);
    await methods(page).getByText('barbara@corp.example').waitFor();

    await press(page, 'Log out');
    await comeAs(page, 'barbara');
    await page.getByText('You are barbara,').waitFor();
    await press(page, 'Remove barbara@corp.example');
    await prove(page);
    await page.getByRole('heading', { name: 'The gate is closed.' }).waitFor();
    await page.getByText('This session has been ended').first().waitFor();
    expect(complaints).toEqual([
      '422 /me/identities',
      expect.stringMatching(/^422 \/me\/identities\//),
      '401 /me/sign-in-methods',
    ]);
  });

  it('one whose address a user has is linked once that user has logged in', async () => {
    const email = 'dennis@corp.example';
    await app.http.post('/auth/signup').send({ username: 'dennis', password, email }).expect(201);
    await app.http
      .post('/auth/email/verify')
      .send({ token: (await mailTo(app, email)).token })
      .expect(204);

    const { page } = await newVisitor();
    await page.goto(app.url);
    await comeAs(page, 'dennis');
    await alerted(page, /A user here has this address/);
    await page.getByLabel('Username').fill('dennis');
    await page.getByLabel('Password').fill(password);
    await press(page, 'Log in');
    await isOpen(page);
    await prove(page);
    await methods(page).getByText(email).waitFor();

    const { page: other } = await newVisitor();
    await other.goto(app.url);
    await comeAs(other, 'dennis');
    await other.getByText('You are dennis,').waitFor();
  });
});
