import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../../support/app.js';
import { securityHeaders } from '../../support/problem.js';
import { rows } from '../../support/rows.js';

let app: TestApp;
let user: SignedUp;
beforeAll(async () => {
  app = await startApp({ CORS_ORIGINS: 'https://app.example' });
  user = await app.signUp();
});
afterAll(() => app.stop());

type Answers = Record<number, () => PromiseLike<{ status: number; headers: Record<string, string> }>>;

const answers: Answers = {
  200: () => app.http.get('/me').set(user.bearer),
  201: () => app.http.post('/todos').set(user.bearer).send({ title: 'x' }),
  204: () => app.http.options('/me'),
  400: () => app.http.post('/auth/login').type('json').send('{'),
  401: () => app.http.get('/me'),
  403: () => app.http.post('/auth/login').send({ username: 'x', password: 'x', transport: 'cookie' }),
  404: () => app.http.get('/nothing'),
  405: () => app.http.put('/me'),
  413: () => app.http.post('/auth/login').send({ username: 'x'.repeat(70_000) }),
  415: () => app.http.post('/auth/login').type('text/plain').send('x'),
  422: () => app.http.post('/auth/login').send({}),
};

describe('The security headers of an API, and none that names our software, are', () => {
  it.each(Object.keys(answers).map(Number))('on every %i', async (status) => {
    const answer = await answers[status]?.();
    expect(answer?.status).toBe(status);
    expect(answer?.headers).toMatchObject({ ...securityHeaders, 'cache-control': 'no-store' });
    for (const name of ['x-powered-by', 'server', 'etag']) expect(answer?.headers).not.toHaveProperty(name);
  });

  it('on a 500 and a 503', async () => {
    const broken = await startAppForTest();
    const { bearer } = await broken.signUp();
    await broken.deps.db.$executeRaw`DROP TABLE todo`;
    const failed = await broken.http.get('/todos').set(bearer).expect(500);
    broken.deps.readiness.drain();
    const away = await broken.http.get('/readyz').expect(503);
    for (const { headers } of [failed, away])
      expect(headers).toMatchObject({ ...securityHeaders, 'cache-control': 'no-store' });
  });
});

describe('Caches', () => {
  const kept = ['/.well-known/jwks.json', '/.well-known/oauth-authorization-server'];

  it.each(kept)('may keep %s, which tells the public keys or where to find them, for five minutes', async (path) => {
    const { headers } = await app.http.get(path).expect(200);
    expect(headers['cache-control']).toBe('public, max-age=300');
  });

  it('may keep the list of revocations for a second, and the stream of them not at all', async () => {
    const { headers } = await app.http.get('/.well-known/revocations').expect(200);
    expect(headers['cache-control']).toBe('public, max-age=1');
    const stream = await app.http.head('/.well-known/revocations/stream').expect(200);
    expect(stream.headers['cache-control']).toBe('no-store, no-transform');
  });

  const others = [...kept, '/.well-known/revocations'];
  it.each(rows.filter(({ row }) => row.method === 'GET' && !others.includes(row.path)))(
    'may not keep the response of $name',
    async ({ row }) => {
      const { headers } = await app.http.get(row.path.replace('{id}', 'x')).set(user.bearer);
      expect(headers['cache-control']).toBe('no-store');
      expect(headers).not.toHaveProperty('last-modified');
    },
  );

  it('may not keep tokens', async () => {
    const { username, password, refreshToken } = await app.signUp();
    const answers = [
      await app.http.post('/auth/login').send({ username, password }).expect(200),
      await app.http.post('/auth/refresh').send({ refresh_token: refreshToken }).expect(200),
    ];
    for (const { headers } of answers) expect(headers['cache-control']).toBe('no-store');
  });
});
