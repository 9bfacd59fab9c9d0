import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.js';

describe('GET /welcome', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  it('answers 200 to a user with a live access token', async () => {
    const user = await app.signUp();
    const { status, body, headers } = await app.http.get('/welcome').set(user.bearer);
    expect([status, body]).toEqual([200, { message: expect.any(String) }]);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-request-id': expect.any(String),
    });
  });

  it('needs no query for the first request of a token, later ones, and refused ones', async () => {
    const user = await app.signUp();
    app.statements.length = 0;
    expect((await app.http.get('/welcome').set(user.bearer)).status).toBe(200);
    expect((await app.http.get('/welcome').set(user.bearer)).status).toBe(200);
    expect((await app.http.get('/welcome').set('Cookie', `access_token=${user.accessToken}`)).status).toBe(200);
    expect((await app.http.get('/welcome').set('Authorization', 'Bearer junk')).status).toBe(401);
    expect((await app.http.get('/welcome')).status).toBe(401);
    expect(app.statements).toEqual([]);
  });

  it('still works while the database is unavailable', async () => {
    const own = await startApp();
    const user = await own.signUp();
    await own.deps.close();
    expect((await own.http.get('/welcome').set(user.bearer)).status).toBe(200);
    await own.stop().catch(() => undefined);
  });
});
