import type { Browser, BrowserContext, JSHandle, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client, Session } from '../../client/dist/index.js';
import { goodPassword, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { openBrowser, visit } from './open-browser.js';

declare global {
  /** What {@link openTab} adds to the page. */
  interface Window {
    client: Client;
    ended: string[];
    refreshing: Promise<Session | null>;
  }
}

type Module = typeof import('../../client/dist/index.js');

let app: TestApp;
let browser: Browser;
beforeAll(async () => {
  [app, browser] = await Promise.all([startApp(), openBrowser()]);
});
afterAll(() => Promise.all([browser?.close(), app?.stop()]));

/** Opens a tab with the client package, which keeps its session in `localStorage` for all tabs. */
async function openTab(context: BrowserContext, { url } = app): Promise<Page> {
  const page = await context.newPage();
  // The playground's policy allows loading the client, as any page of the same origin could.
  await page.goto(url);
  // As text, because the transformer of this file would change an import.
  const module: JSHandle<Module> = await page.evaluateHandle("import('/playground/client/dist/index.js')");
  await page.evaluate(({ createClient, webStorage }) => {
    window.client = createClient({ url: location.origin, storage: webStorage(localStorage) });
    window.ended = [];
    window.client.on('signedOut', ({ reason }) => window.ended.push(reason));
  }, module);
  return page;
}

async function openTabs(count: number): Promise<{ context: BrowserContext; tabs: [Page, ...Page[]] }> {
  const { context } = await visit(browser);
  const first = await openTab(context);
  await signUp(first);
  const others: Page[] = [];
  for (let n = 1; n < count; n++) others.push(await openTab(context));
  return { context, tabs: [first, ...others] };
}

let users = 0;

async function signUp(tab: Page): Promise<void> {
  users += 1;
  const fields = { username: `tabs-${users}`, password: goodPassword };
  await tab.evaluate((fields) => window.client.signUp(fields), fields);
}

const session = (tab: Page) => tab.evaluate(() => window.client.session());
const ended = (tab: Page) => tab.evaluate(() => window.ended);
const welcome = (tab: Page) => tab.evaluate(async () => (await window.client.fetch('/welcome')).status);

/** Counts the refreshes of all tabs, and holds each until all have asked, so that they really ask at once. */
async function holdRefreshes(context: BrowserContext) {
  const seen = { sent: 0, underWay: 0, mostUnderWay: 0 };
  let release = () => {};
  let released = Promise.resolve();
  await context.route('**/auth/refresh', async (route) => {
    seen.sent += 1;
    seen.underWay += 1;
    seen.mostUnderWay = Math.max(seen.mostUnderWay, seen.underWay);
    await released;
    await route.continue();
  });
  context.on('requestfinished', (request) => {
    if (request.url().endsWith('/auth/refresh')) seen.underWay -= 1;
  });
  const hold = () => {
    released = new Promise((resolve) => {
      release = resolve;
    });
  };
  return { seen, hold, release: () => release() };
}

async function refreshTogether(tabs: Page[], { hold, release }: { hold(): void; release(): void }) {
  hold();
  const ask = () => {
    window.refreshing = window.client.refresh();
  };
  await Promise.all(tabs.map((tab) => tab.evaluate(ask)));
  release();
  return Promise.all(tabs.map((tab) => tab.evaluate(() => window.refreshing)));
}

describe('Tabs that share one session', () => {
  it.each([
    [2, 50],
    [5, 10],
  ])(
    '%i of them refresh at once %i times with one request each time, and all stay signed in',
    async (count, rounds) => {
      const { context, tabs } = await openTabs(count);
      const refreshes = await holdRefreshes(context);
      for (let round = 1; round <= rounds; round++) {
        const sessions = await refreshTogether(tabs, refreshes);
        expect(new Set(sessions.map((one) => one?.accessToken)).size).toBe(1);
        expect(refreshes.seen.sent).toBe(round);
      }
      expect(refreshes.seen.mostUnderWay).toBe(1);
      for (const tab of tabs) {
        expect(await ended(tab)).toEqual([]);
        expect(await welcome(tab)).toBe(200);
      }
    },
  );

  it('are all signed out when one logs out', async () => {
    const { tabs } = await openTabs(2);
    await tabs[0].evaluate(() => window.client.logOut());
    for (const tab of tabs) await expect.poll(() => ended(tab)).toEqual(['logged_out']);
  });
});

describe('A tab stays signed in', () => {
  it('during a minute offline, and refreshes when it is online again', async () => {
    const { context } = await visit(browser);
    await context.clock.install();
    const tab = await openTab(context);
    await signUp(tab);
    const before = await session(tab);

    await context.setOffline(true);
    const failed = await tab.evaluate(() => window.client.refresh().catch(({ name }) => name));
    expect(failed).toBe('TypeError');
    await context.clock.fastForward(60_000);
    expect(await session(tab)).toEqual(before);

    await context.setOffline(false);
    await context.clock.fastForward(60_000);
    await expect.poll(async () => (await session(tab))?.accessToken).not.toBe(before?.accessToken);
    expect(await ended(tab)).toEqual([]);
  });

  it('after it slept for an hour', async () => {
    const { context } = await visit(browser);
    await context.clock.install();
    const tab = await openTab(context);
    await signUp(tab);
    const before = await session(tab);
    // The clock has moved, but no timer has run.
    await context.clock.setSystemTime(Date.now() + 3_600_000);
    expect(await welcome(tab)).toBe(200);
    expect((await session(tab))?.accessToken).not.toBe(before?.accessToken);
    expect(await ended(tab)).toEqual([]);
  });

  it('after it was frozen until its token expired', async () => {
    const brief = await startAppForTest({ ACCESS_TOKEN_TTL: '2s' });
    const { context } = await visit(browser);
    const tab = await openTab(context, brief);
    await signUp(tab);
    const token = (await session(tab))?.accessToken;
    const devtools = await context.newCDPSession(tab);
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
    const code = async () => (await brief.http.get('/welcome').set('Authorization', `Bearer ${token}`)).body.code;
    await expect.poll(code, { timeout: 10_000 }).toBe('token_expired');
    await devtools.send('Page.setWebLifecycleState', { state: 'active' });
    expect(await welcome(tab)).toBe(200);
    expect(await ended(tab)).toEqual([]);
  });
});

it('A tab is signed out if its session was ended elsewhere, and so are the other tabs', async () => {
  const { tabs } = await openTabs(2);
  const { accessToken, sessionId } = (await session(tabs[0])) as Session;
  await app.http.delete(`/auth/sessions/${sessionId}`).set('Authorization', `Bearer ${accessToken}`).expect(204);
  expect(await welcome(tabs[0])).toBe(401);
  for (const tab of tabs) await expect.poll(() => ended(tab)).toEqual(['session_revoked']);
  for (const tab of tabs) expect(await session(tab)).toBeNull();
});
