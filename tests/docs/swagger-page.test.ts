import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';
import { expectProblem } from '../support/problem.js';
import { say } from '../support/raw-http.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

describe('GET /docs', () => {
  it('is a page whose policy allows only this server', async () => {
    const { headers, text } = await app.http.get('/docs').expect(200);
    const script = /<script>([\s\S]*)<\/script>/.exec(text)?.[1] ?? '';
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']?.split(';')).toEqual([
      "default-src 'none'",
      `script-src 'self' 'sha256-${createHash('sha256').update(script).digest('base64')}'`,
      "style-src 'self'",
      "connect-src 'self'",
      "img-src 'self' data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    expect(text).not.toMatch(/https?:|\son\w+=|style=/);
  });

  it('is found with a slash, too, also below a path that a proxy takes away', async () => {
    const { headers } = await app.http.get('/docs/?a=b').expect(308);
    expect(new URL(headers.location ?? '', 'http://h/gate/docs/').href).toBe('http://h/gate/docs?a=b');
  });

  it('loads existing files of the right type, which are cached while they stay the same', async () => {
    const { text } = await app.http.get('/docs').expect(200);
    const loaded = [...text.matchAll(/(?:src|href)="(docs\/[^"]+)"/g)].map(([, path]) => `/${path}`);
    const types: Record<string, string> = {
      css: 'text/css; charset=utf-8',
      js: 'text/javascript; charset=utf-8',
      png: 'image/png',
    };
    expect(loaded).toHaveLength(3);
    for (const path of loaded) {
      const { headers } = await app.http.get(path).expect(200);
      expect(headers).toMatchObject({
        'content-type': types[path.split('.').pop() ?? ''],
        'cache-control': 'no-cache',
        'x-content-type-options': 'nosniff',
        'content-security-policy': expect.stringContaining("default-src 'none'"),
        'x-request-id': expect.any(String),
      });
      const again = await app.http.get(path).set('If-None-Match', `${headers.etag}`);
      expect([again.status, again.text]).toEqual([304, '']);
    }
  });

  it.each([
    'index.html',
    'package.json',
    'swagger-ui.css.map',
    'swagger-initializer.js',
    '../package.json',
    '%2e%2e/package.json',
    '..%2fpackage.json',
    'swagger-ui.css/../index.js',
    'swagger-ui.css%00',
    '%',
    '',
    './/swagger-ui.css',
  ])('serves no other file of that folder or another: %s', async (path) => {
    const answer = await say(app, `GET /docs/${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    if (path === '') expect(answer).toMatchObject({ status: 308, headers: { location: '../docs' } });
    else expectProblem(answer, 'not_found');
  });

  it('works in production too', async () => {
    const own = await startAppForTest({ NODE_ENV: 'production' });
    await own.http.get('/docs').expect(200);
    await own.http.get('/docs/swagger-ui.css').expect(200);
    await own.http.get('/openapi.json').expect(200);
  });
});
