import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.js';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { expectProblem } from '../support/problem.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

describe('GET /', () => {
  it('is a page whose policy allows only this server', async () => {
    const { headers, text } = await app.http.get('/').expect(200);
    expect(headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    expect(headers['content-security-policy']?.split(';')).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "img-src 'self' data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    expect(text).not.toMatch(/<script(?! type="module" src=)|<style|\sstyle=|\son\w+=|https?:/);
  });

  it('is also where a provider’s answer arrives, and tells no one of it by `Referer`', async () => {
    const { text } = await app.http.get('/').expect(200);
    const answered = await app.http.get('/callback?code=secret&state=mine').expect(200);
    expect(answered.text).toBe(text);
    expect(answered.headers).toMatchObject({ 'referrer-policy': 'no-referrer', 'cache-control': 'no-store' });
  });

  it('loads scripts, styles and the client’s modules with the right types and an ETag', async () => {
    const types = { 'main.js': 'text/javascript', 'page.css': 'text/css', 'icon.svg': 'image/svg+xml' };
    for (const [name, type] of Object.entries({ ...types, 'client/dist/index.js': 'text/javascript' })) {
      const { headers } = await app.http.get(`/playground/${name}`).expect(200);
      expect(headers['content-type']).toMatch(type);
      expect(headers).toMatchObject({ 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' });
      await app.http.get(`/playground/${name}`).set('If-None-Match', `${headers.etag}`).expect(304);
    }
  });

  it.each([
    '.stamp',
    'index.html',
    'main.ts',
    'client/dist/index.d.ts',
    '..%2fpackage.json',
    'client/package.json',
    '',
  ])('does not serve /playground/%s', async (name) => {
    expectProblem(await app.http.get(`/playground/${name}`), 'not_found');
  });
});

describe('PLAYGROUND_SERVICE', () => {
  it('lets the page talk to that one service besides, and says which', async () => {
    const app = await startAppForTest({ PLAYGROUND_SERVICE: 'http://localhost:4000/orders' });
    for (const path of ['/', '/callback']) {
      const { headers, text } = await app.http.get(path).expect(200);
      expect(headers['content-security-policy']).toContain(";connect-src 'self' http://localhost:4000;");
      expect(text).toContain('<meta name="other-service" content="http://localhost:4000/orders">');
    }
    const { headers } = await app.http.get('/docs').expect(200);
    expect(headers['content-security-policy']).toContain(";connect-src 'self';");
  });

  it.each([
    'localhost:4000',
    'javascript:alert(1)',
    'http://a" onload="x',
    "http://a; script-src 'unsafe-inline'",
    'http://*',
  ])('is no %s', (text) => expect(() => parseConfig({ PLAYGROUND_SERVICE: text })).toThrow(/PLAYGROUND_SERVICE/));
});

describe('PLAYGROUND=off', () => {
  it('removes the page and all its files', async () => {
    const without = await startAppForTest({ PLAYGROUND: 'off' });
    for (const path of [
      '/',
      '/callback',
      '/playground/main.js',
      '/playground/page.css',
      '/playground/client/dist/index.js',
    ])
      expectProblem(await without.http.get(path), 'not_found');
  });
});
