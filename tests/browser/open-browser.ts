import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { chromiumPath } from '../support/chromium.js';

/** Starts Chromium without a window. */
export function openBrowser(): Promise<Browser> {
  // In a container, root's Chromium only runs without its sandbox. It loads only our own pages here.
  return chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox'] });
}

/** A user's browser, as if just installed, and what went wrong in it. */
export type Visitor = {
  context: BrowserContext;
  /**
   * Every problem in the browser so far: script and console errors, violations of the content security policy, failed
   * requests. A refusal is `401 /welcome`.
   */
  complaints: string[];
};

/** Opens a separate browser context for this test, with a timeout of ten seconds for every action. */
export async function visit(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext(options);
  onTestFinished(() => context.close());
  context.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  context.on('weberror', (error) => complaints.push(error.error().message));
  context.on('requestfailed', (request) => {
    // The visitor went on to another page while it was under way.
    if (request.failure()?.errorText === 'net::ERR_ABORTED') return;
    complaints.push(`${request.failure()?.errorText} ${pathOf(request.url())}`);
  });
  context.on('console', (message) => {
    if (message.type() === 'error' && !/net::ERR_/.test(message.text()))
      complaints.push(refusalIn(message.text(), message.location().url) ?? message.text());
  });
  return { context, complaints };
}

// The browser logs each response from 400 on to the console.
function refusalIn(text: string, url: string): string | undefined {
  const [, status] = /^Failed to load resource: the server responded with a status of (\d+)/.exec(text) ?? [];
  return status && `${status} ${pathOf(url)}`;
}

function pathOf(url: string): string {
  return new URL(url).pathname;
}
