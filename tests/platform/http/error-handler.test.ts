import { describe, expect, it } from 'vitest';
import { startApp, startAppForTest, type TestApp } from '../../support/app.js';
import { expectProblem } from '../../support/problem.js';

const at = (app: TestApp, level: number) => app.logs.filter((line) => line.level === level);

describe('An unexpected error', () => {
  it('is answered with 500 internal_error without details, which are in the log under the same request id', async () => {
    const app = await startAppForTest();
    const { bearer } = await app.signUp();
    await app.deps.db.$executeRaw`DROP TABLE todo`;
    const answer = await app.http.get('/todos').set(bearer);
    expectProblem(answer, 'internal_error');
    expect(answer.body.detail).toBe('Something went wrong on our side.');
    expect(answer.text).not.toMatch(/todo|table|relation|42P01|P20/i);
    const [logged] = at(app, 50);
    expect(logged).toMatchObject({
      request_id: answer.headers['x-request-id'],
      code: 'internal_error',
      msg: 'request failed',
    });
    expect(JSON.stringify(logged?.err)).toMatch(/todo/);
    expect(logged?.err).toMatchObject({ stack: expect.stringMatching(/\n {4}at /) });
  });

  it('affects no other request, then or later', async () => {
    const app = await startAppForTest();
    const { bearer } = await app.signUp();
    await app.deps.db.$executeRaw`DROP TABLE todo`;
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => app.http.get(n % 2 ? '/todos' : '/me').set(bearer)),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map((_, n) => (n % 2 ? 500 : 200)));
    await app.http.get('/readyz').expect(200);
  });
});

describe('While the database is unavailable', () => {
  it('requests that need it get 503 with Retry-After, and the others still work', async () => {
    const app = await startApp();
    const { bearer, username, password, refreshToken } = await app.signUp();
    await app.deps.close();
    // First: half a second later this instance no longer knows what the others have ended, and must ask.
    await app.http.get('/welcome').set(bearer).expect(200);
    const needing = {
      me: app.http.get('/me').set(bearer),
      todos: app.http.get('/todos').set(bearer),
      newTodo: app.http.post('/todos').set(bearer).send({ title: 'x' }),
      login: app.http.post('/auth/login').send({ username, password }),
      wrongLogin: app.http.post('/auth/login').send({ username, password: 'wrong' }),
      signUp: app.http.post('/auth/signup').send({ username: 'late', password }),
      refresh: app.http.post('/auth/refresh').send({ refresh_token: refreshToken }),
      logout: app.http.post('/auth/logout').set(bearer),
      ready: app.http.get('/readyz'),
    };
    for (const [what, request] of Object.entries(needing)) {
      const answer = await request;
      expect(answer.status, what).toBe(503);
      expectProblem(answer, 'database_unavailable');
    }
    await app.http.get('/healthz').expect(200);
    await app.http.get('/.well-known/jwks.json').expect(200);
    expect(at(app, 50)).toEqual([]);
    // Its database is already closed, so closing it again may fail.
    await app.stop().catch(() => {});
  });
});

describe('A refusal of credentials', () => {
  it('is not answered before the next multiple of 50 ms, whatever was found on the way', async () => {
    const app = await startAppForTest();
    const { username } = await app.signUp();
    for (const name of [username, 'nobody']) {
      const before = performance.now();
      const answer = await app.http.post('/auth/login').send({ username: name, password: 'wrong' });
      expectProblem(answer, 'invalid_credentials');
      expect(performance.now() - before).toBeGreaterThan(48);
    }
  });
});
