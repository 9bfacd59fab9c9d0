import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, startApp, type TestApp } from '../support/app.js';
import { openBrowser, visit } from './open-browser.js';

let app: TestApp;
let browser: Browser;
let elsewhere: Server;
beforeAll(async () => {
  elsewhere = createServer((_req, res) => {
    res.setHeader('Content-Type', 'text/html').end('<!doctype html><title>Elsewhere</title>');
  }).listen(0);
  [app, browser] = await Promise.all([startApp(), openBrowser(), once(elsewhere, 'listening')]);
});
afterAll(() => Promise.all([browser?.close(), app?.stop(), elsewhere?.close()]));

let users = 0;

/** Opens a page of the server's own, signed up with cookies. */
async function signedIn(): Promise<Page> {
  const { context } = await visit(browser);
  const page = await context.newPage();
  await page.goto(app.url);
  users += 1;
  const { status } = await ask(page, 'POST /auth/signup', {
    username: `cookies-${users}`,
    password: goodPassword,
    transport: 'cookie',
  });
  expect(status).toBe(201);
  return page;
}

/** What a script of the page gets with a plain `fetch`, which sends the cookies. */
async function ask(page: Page, line: string, body?: object) {
  return page.evaluate(
    async ({ method, path, body }) => {
      const headers = { 'Content-Type': 'application/json' };
      const answer = await fetch(path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
      return { status: answer.status, body: await answer.json().catch(() => undefined) };
    },
    { method: line.split(' ')[0] ?? '', path: line.split(' ')[1] ?? '', body },
  );
}

describe('Cookies', () => {
  it('sign a page of the server’s own origin in, and its scripts see no token', async () => {
    const page = await signedIn();
    expect(await ask(page, 'POST /todos', { title: 'Mine' })).toMatchObject({ status: 201 });
    const refreshed = await ask(page, 'POST /auth/refresh', {});
    expect(refreshed.status).toBe(200);
    expect(Object.keys(refreshed.body)).not.toContain('access_token');
    expect(await page.evaluate(() => document.cookie)).toBe('');
  });

  it('are gone after the logout', async () => {
    const page = await signedIn();
    expect(await ask(page, 'POST /auth/logout', {})).toMatchObject({ status: 204 });
    expect(await ask(page, 'GET /welcome')).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect((await page.context().cookies()).map(({ name }) => name)).toEqual(['device']);
  });
});

// For cookies another port is the same site, because a site is a name without its port.
describe.each([
  ['another port of the same host', 'localhost', 'csrf_rejected'],
  ['another site', '127.0.0.1', 'unauthenticated'],
])('A page on %s', (_, host, code) => {
  const address = () => `http://${host}:${(elsewhere.address() as AddressInfo).port}`;

  /** The same browser, on a page of an attacker. */
  async function lured(): Promise<{ own: Page; foreign: Page }> {
    const own = await signedIn();
    const foreign = await own.context().newPage();
    await foreign.goto(address());
    return { own, foreign };
  }

  /** Expects that the attack had no effect. */
  async function expectUnharmed(own: Page): Promise<void> {
    expect(await ask(own, 'GET /todos')).toMatchObject({ status: 200, body: { data: [] } });
  }

  it('cannot use the cookies in a request that needs no preflight', async () => {
    const { own, foreign } = await lured();
    app.logs.length = 0;
    await foreign.evaluate(
      (url) =>
        fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', body: '{"title":"Not mine"}' })
          // It does not see the response either: Cross-Origin-Resource-Policy.
          .catch(() => undefined),
      `${app.url}/todos`,
    );
    await expect.poll(() => app.logs).toContainEqual(expect.objectContaining({ method: 'POST', path: '/todos', code }));
    await expectUnharmed(own);
  });

  it('cannot send a JSON request, because its preflight is refused', async () => {
    const { own, foreign } = await lured();
    const outcome = await foreign.evaluate(
      (url) =>
        fetch(url, {
          method: 'POST',
          credentials: 'include',
          headers: { 'Content-Type': 'application/json' },
          body: '{"title":"Not mine"}',
        }).catch(({ name }) => name),
      `${app.url}/todos`,
    );
    expect(outcome).toBe('TypeError');
    await expectUnharmed(own);
  });

  it.each(['/auth/logout', '/auth/logout-all', '/auth/refresh'])('cannot send a form to %s', async (path) => {
    const { own, foreign } = await lured();
    const answer = foreign.waitForResponse(`${app.url}${path}`);
    await foreign.evaluate((action) => {
      const form = Object.assign(document.createElement('form'), { method: 'post', action });
      document.body.append(form);
      form.submit();
    }, `${app.url}${path}`);
    const refused = await answer;
    expect(refused.status()).toBeGreaterThanOrEqual(400);
    if (code === 'csrf_rejected') expect(await refused.json()).toMatchObject({ code });
    await expectUnharmed(own);
  });

  it('cannot sign a user in with cookies', async () => {
    const { context } = await visit(browser);
    const page = await context.newPage();
    await page.goto(address());
    const fields = { username: `victim-${host}`, password: goodPassword, transport: 'cookie' };
    await page.evaluate(
      ({ url, body }) =>
        fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', body }).catch(() => undefined),
      { url: `${app.url}/auth/signup`, body: JSON.stringify(fields) },
    );
    expect(await context.cookies()).toEqual([]);
  });
});
