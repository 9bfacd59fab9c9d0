import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { blocksOf } from '../docs/pages.js';
import { startBuilt } from '../support/built-server.js';
import { copyCheckout } from './copy.js';

const secret = 'the secret of the captcha';

/** Checks tokens as Turnstile and hCaptcha do: one form in, one JSON out. @returns where, and the forms that it got */
async function startSiteverify() {
  const forms: Record<string, string>[] = [];
  const server = createServer(async (request, response) => {
    const form = Object.fromEntries(new URLSearchParams(await text(request)));
    forms.push(form);
    if (form.response === 'broken') return void response.writeHead(502).end('<h1>Bad gateway</h1>');
    if (form.response === 'slow') return;
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ success: form.secret === secret && form.response === 'solved' }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/siteverify`, forms };
}

it('after docs/captcha.md, sign-up, login and forgot ask for a captcha, and a provider that fails refuses', async () => {
  const copy = copyCheckout();
  for (const { info, text: block } of blocksOf(copy.read('docs/captcha.md')))
    if (info.startsWith('file=')) copy.write(info.slice('file='.length), block);
  copy.run('npx', 'biome', 'check', 'src/own');
  copy.run('npx', 'tsc', '--noEmit');
  copy.run('node', 'scripts/build.mjs');
  const siteverify = await startSiteverify();
  const server = await startBuilt(copy.path, { CAPTCHA_SECRET: secret, CAPTCHA_URL: siteverify.url });
  const post = async (path: string, body: object, { url } = server) => {
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    const { code } = JSON.parse((await answer.text()) || '{}') as { code?: string };
    return code ?? answer.status;
  };

  const ada = { username: 'ada', password: 'correct horse battery staple' };
  for (const [path, body, refused, done] of [
    ['/auth/signup', ada, 'signup_refused', 201],
    ['/auth/login', ada, 'login_refused', 200],
    ['/auth/password/forgot', { email: 'ada@example.com' }, 'forgot_refused', 202],
  ] as const) {
    const withToken = (captcha_token: string) => post(path, { ...body, captcha_token });
    expect(await post(path, body)).toBe(refused);
    expect(await withToken('wrong')).toBe(refused);
    expect(await withToken('broken')).toBe('internal_error');
    expect(await withToken('slow')).toBe('internal_error');
    expect(await withToken('solved')).toBe(done);
  }
  const without = await startBuilt(copy.path, {});
  expect(await post('/auth/signup', ada, without)).toBe(201);
  expect(siteverify.forms.slice(0, 1)).toEqual([{ secret, response: 'wrong' }]);
}, 300_000);
