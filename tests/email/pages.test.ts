import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.js';
import { mailTo } from '../support/mails.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

describe.each(['/verify-email', '/reset-password'])('GET %s', (path) => {
  it('is a page whose strict policy allows only its own script and style', async () => {
    const { headers, text } = await app.http.get(`${path}?token=abc`).expect(200);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    expect(headers).not.toHaveProperty('set-cookie');
    const hashOf = (tag: string) => {
      const source = new RegExp(`<${tag}>([\\s\\S]*)</${tag}>`).exec(text)?.[1] ?? '';
      return `'sha256-${createHash('sha256').update(source).digest('base64')}'`;
    };
    expect(headers['content-security-policy']?.split(';')).toEqual([
      "default-src 'none'",
      `script-src ${hashOf('script')}`,
      `style-src ${hashOf('style')}`,
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    expect(text.match(/<script/g)).toHaveLength(1);
    expect(text).not.toMatch(/https?:|\son\w+=/);
  });

  it('is the same for every link and contains nothing of it', async () => {
    const plain = await app.http.get(path).expect(200);
    for (const token of ['abc', '"><script>alert(1)</script>', '%00', 'a&token=b', 'x'.repeat(2_000)]) {
      const { text } = await app.http.get(`${path}?token=${encodeURIComponent(token)}`).expect(200);
      expect(text).toBe(plain.text);
    }
  });
});

it('opening the link of a mail uses up no token, however often a mail scanner does it', async () => {
  await app.signUp({ email: 'scanned@example.com' });
  const { token } = await mailTo(app, 'scanned@example.com');
  for (let n = 0; n < 3; n++) {
    await app.http.get(`/verify-email?token=${token}`).expect(200);
    await app.http.head(`/verify-email?token=${token}`).expect(200);
    await app.http.get(`/reset-password?token=${token}`).expect(200);
  }
  expect(await app.deps.db.oneTimeToken.count()).toBe(1);
  await app.http.post('/auth/email/verify').send({ token }).expect(204);
  expect(JSON.stringify(app.logs)).not.toContain(token);
});
