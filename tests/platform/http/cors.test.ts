import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../../support/app.js';
import { expectProblem } from '../../support/problem.js';

const allowed = ['https://app.example', 'http://localhost:5173', 'capacitor://localhost', 'chrome-extension://abcdef'];
const strangers = [
  'https://evil.example',
  'https://app.example.evil.example',
  'http://app.example',
  'https://app.example:444',
  'null',
  'HTTPS://APP.EXAMPLE',
  '*',
  'capacitor://localhost.evil.example',
  'capacitor://LOCALHOST',
  'capacitor://localhost:1',
  'capacitor://',
  'ionic://localhost',
  'chrome-extension://abcdefg',
];
const corsHeaders = (headers: object) => Object.keys(headers).filter((name) => name.startsWith('access-control-'));

let app: TestApp;

describe('With CORS_ORIGINS', () => {
  beforeAll(async () => {
    app = await startApp({ CORS_ORIGINS: ` ${allowed.join(' , ')}` });
  });
  afterAll(() => app.stop());

  describe.each(allowed)('a page of %s', (origin) => {
    it.each([
      ['a response', '/healthz', 200],
      ['a refused token', '/me', 401],
      ['a path that does not exist', '/nothing', 404],
      ['a refused method', '/auth/login', 405],
    ])('can read %s', async (_, path, status) => {
      const { headers } = await app.http.get(path).set('Origin', origin).expect(status);
      expect(headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
      });
      expect(headers.vary).toMatch(/\bOrigin\b/);
      expect(headers['access-control-expose-headers']?.split(',').sort()).toEqual(
        ['X-Request-Id', 'Retry-After', 'RateLimit', 'RateLimit-Policy', 'WWW-Authenticate', 'Location'].sort(),
      );
    });

    it('can read why a body was refused', async () => {
      const post = () => app.http.post('/auth/login').set('Origin', origin);
      for (const answer of [
        await post().type('text/plain').send('x'),
        await post().type('json').send('{'),
        await post().send({}),
        await post().send({ username: 'nobody', password: 'x' }),
        await post().send({ username: 'x'.repeat(70_000) }),
      ])
        expect(answer.headers['access-control-allow-origin'], `${answer.status}`).toBe(origin);
    });

    it('gets a preflight response that allows its request', async () => {
      const preflight = app.http.options('/todos/1').set('Origin', origin);
      const asked = {
        'Access-Control-Request-Method': 'PATCH',
        'Access-Control-Request-Headers': 'authorization,content-type',
      };
      const { headers, text } = await preflight.set(asked).expect(204);
      expect(text).toBe('');
      expect(headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET,POST,PATCH,DELETE',
        'access-control-allow-headers': 'authorization,content-type',
        'access-control-max-age': '600',
      });
    });
  });

  it.each(strangers)('a page of %s can read nothing, and its preflight allows nothing', async (origin) => {
    const answers = [
      await app.http.get('/healthz').set('Origin', origin),
      await app.http.get('/me').set('Origin', origin),
      await app.http.options('/todos').set('Origin', origin).set('Access-Control-Request-Method', 'POST'),
    ];
    for (const { headers } of answers) {
      expect(headers['access-control-allow-origin']).toBeUndefined();
      expect(headers.vary).toMatch(/\bOrigin\b/);
    }
  });

  it('a request without an Origin gets no CORS headers except Vary', async () => {
    const { headers } = await app.http.get('/healthz').expect(200);
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(headers.vary).toMatch(/\bOrigin\b/);
  });

  it('an allowed page still needs a token', async () => {
    expectProblem(await app.http.get('/me').set('Origin', allowed[0] as string), 'unauthenticated');
  });
});

describe('Without CORS_ORIGINS', () => {
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  it('no page of another origin can read anything', async () => {
    for (const origin of [...allowed, ...strangers]) {
      for (const path of ['/healthz', '/me', '/nothing']) {
        const { headers } = await app.http.get(path).set('Origin', origin);
        expect(corsHeaders(headers)).toEqual([]);
      }
      const asked = { Origin: origin, 'Access-Control-Request-Method': 'POST' };
      expect(corsHeaders((await app.http.options('/todos').set(asked)).headers)).toEqual([]);
    }
  });
});
