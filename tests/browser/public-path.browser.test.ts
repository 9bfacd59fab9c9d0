import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// @ts-expect-error It is plain JavaScript.
import { accepts, createProgram } from '../../deploy/topology/programs.mjs';
import { startApp, type TestApp } from '../support/app.js';
import { freePort } from '../support/free-port.js';
import { settledMails } from '../support/mails.js';
import { openBrowser, visit } from './open-browser.js';

let app: TestApp;
let browser: Browser;
let nginx: { start(): Promise<void>; end(): Promise<unknown> };
let folder: string;
/** Where clients find the API: a front end has the rest of this origin. */
let gate: string;

beforeAll(async () => {
  const port = await freePort();
  gate = `http://localhost:${port}/gate`;
  folder = mkdtempSync(join(tmpdir(), 'gatelatch-path-'));
  [app, browser] = await Promise.all([startApp({ JWT_ISSUER: gate, PLAYGROUND: 'on' }), openBrowser()]);
  writeFileSync(join(folder, 'nginx.conf'), configuration(port));
  const root = process.getuid?.() === 0 ? 'user root; ' : '';
  nginx = createProgram({
    command: 'nginx',
    args: ['-p', folder, '-c', join(folder, 'nginx.conf'), '-g', `${root}daemon off;`],
    log: join(folder, 'nginx.log'),
    isUp: () => accepts(port),
  });
  await nginx.start();
});
afterAll(async () => {
  await Promise.all([browser?.close(), nginx?.end()]);
  await app?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** As docs/deployment.md has it. */
function configuration(port: number): string {
  return `
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  server {
    listen 127.0.0.1:${port};
    location /gate/ {
      proxy_pass ${app.url.replace('localhost', '127.0.0.1')}/;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
    location / {
      default_type text/html;
      return 200 '<!doctype html><title>The front end</title>';
    }
  }
}`;
}

async function open(path: string): Promise<{ page: Page; complaints: string[] }> {
  const { context, complaints } = await visit(browser);
  // nginx and two servers share the machine with the browser.
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  await page.goto(gate + path);
  return { page, complaints };
}

const password = 'nine geese over a quiet lake';
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
const isOpen = (page: Page) => page.getByRole('heading', { name: 'The gate is open.' }).waitFor();

describe('Under a path of the front end’s origin, behind nginx', () => {
  it.each(['Bearer', 'Cookies'])(
    'the playground signs in, refreshes and logs out, with tokens by %s',
    async (transport) => {
      const { page, complaints } = await open('/');
      await page.getByRole('radio', { name: transport }).check();
      await press(page, 'Suggest one');
      await press(page, 'Sign up');
      await isOpen(page);
      await press(page, 'Refresh now');
      await page.getByText('POST /auth/refresh: 200.').waitFor();
      await press(page, 'GET /welcome');
      await page.getByText('GET /welcome: 200.').waitFor();
      await page.reload();
      await isOpen(page);
      await press(page, 'Log out');
      await page.getByRole('heading', { name: 'The gate is closed.' }).waitFor();
      expect(complaints.filter((one) => !one.startsWith('401 '))).toEqual([]);
      const names = async () => (await page.context().cookies()).map(({ name }) => name);
      await expect.poll(names).toEqual(transport === 'Cookies' ? ['device'] : []);
    },
  );

  it('the refresh cookie goes to the API’s own path alone', async () => {
    const { page } = await open('/');
    await page.evaluate(
      async ({ body }) => {
        const headers = { 'Content-Type': 'application/json' };
        await fetch('/gate/auth/signup', { method: 'POST', headers, body });
      },
      { body: JSON.stringify({ username: 'paths', password, transport: 'cookie' }) },
    );
    const cookies = await page.context().cookies();
    expect(Object.fromEntries(cookies.map(({ name, path }) => [name, path]))).toEqual({
      access_token: '/',
      refresh_token: '/gate/auth',
      device: '/',
    });
    const statusOf = (path: string) => page.evaluate(async (to) => (await fetch(to, { method: 'POST' })).status, path);
    expect(await statusOf('/gate/auth/refresh')).toBe(200);
  });

  it.each(['/docs', '/docs/'])('%s shows the contract and calls the right path', async (path) => {
    const { page, complaints } = await open(path);
    const operation = page.locator('.opblock', { hasText: '/healthz' });
    await operation.locator('.opblock-summary-control').click();
    await operation.getByRole('button', { name: 'Execute' }).click();
    await operation.locator('.request-url', { hasText: `${gate}/healthz` }).waitFor();
    await operation.locator('.live-responses-table .response-col_status', { hasText: '200' }).first().waitFor();
    expect(complaints).toEqual([]);
    expect(page.url().split('#')[0]).toBe(`${gate}/docs`);
  });

  it('a mailed link opens its page, whose button works, also with a slash', async () => {
    const email = 'paths@example.com';
    await app.signUp({ username: 'mailed', email });
    const text = (await settledMails(app)).find(({ to }) => to.includes(email))?.text ?? '';
    const link = new URL(/http\S+verify-email\S+/.exec(text)?.[0] ?? '');
    expect(link.href.startsWith(`${gate}/verify-email?token=`)).toBe(true);
    link.pathname += '/';
    const { page, complaints } = await open(link.href.slice(gate.length));
    await press(page, 'Confirm the address');
    await page.getByText('The address is confirmed.').waitFor();
    expect(complaints).toEqual([]);
  });

  it('the location of a new row is its public path', async () => {
    const { bearer } = await app.signUp();
    const made = await fetch(`${gate}/todos`, {
      method: 'POST',
      headers: { ...bearer, 'Content-Type': 'application/json' },
      body: '{"title":"milk"}',
    });
    const location = new URL(made.headers.get('Location') ?? '', gate);
    expect((await fetch(location, { headers: bearer })).status).toBe(200);
  });
});
