import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, type SignedUp, startApp, type TestApp } from './support/app.js';

/** The budgets of the docs, on a server whose memory is up to date. BEGIN and COMMIT are not counted. */
describe('the number of statements', () => {
  let app: TestApp;
  let user: SignedUp;
  beforeAll(async () => {
    app = await startApp();
    user = await app.signUp();
  });
  afterAll(() => app.stop());

  async function counted(work: () => PromiseLike<{ status: number }>): Promise<[number, number]> {
    app.statements.length = 0;
    const { status } = await work();
    const own = app.statements.filter(
      (sql) => !/^(BEGIN|COMMIT|SELECT 1$)/.test(sql) && !/FROM "?(public"\."?)?(revocation|signing_key)/.test(sql),
    );
    return [status, own.length];
  }
  const refresh = (token: string) => app.http.post('/auth/refresh').send({ refresh_token: token });

  it('for checking an access token is none, the first time and later', async () => {
    for (let time = 0; time < 3; time++)
      expect(await counted(() => app.http.get('/welcome').set(user.bearer))).toEqual([200, 0]);
  });

  it('for refusing an access token is none', async () => {
    const ended = await app.signUp();
    await app.http.post('/auth/logout').set(ended.bearer);
    for (let time = 0; time < 2; time++)
      expect(await counted(() => app.http.get('/welcome').set(ended.bearer))).toEqual([401, 0]);
    const forged = `${user.accessToken.slice(0, -6)}AAAAAA`;
    expect(await counted(() => app.http.get('/welcome').set('Authorization', `Bearer ${forged}`))).toEqual([401, 0]);
  });

  it('for GET /me is one', async () => {
    expect(await counted(() => app.http.get('/me').set(user.bearer))).toEqual([200, 1]);
  });

  it('for a refresh is one, also within the grace period', async () => {
    const { refreshToken } = await app.signUp();
    expect(await counted(() => refresh(refreshToken))).toEqual([200, 1]);
    expect(await counted(() => refresh(refreshToken))).toEqual([200, 1]);
  });

  it('for a forged refresh token is none', async () => {
    const forged = `${user.refreshToken.slice(0, -1)}${user.refreshToken.endsWith('A') ? 'B' : 'A'}`;
    expect(await counted(() => refresh(forged))).toEqual([401, 0]);
  });

  it('for a login is at most three', async () => {
    const [status, count] = await counted(() =>
      app.http.post('/auth/login').send({ username: user.username, password: goodPassword }),
    );
    expect(status).toBe(200);
    expect(count).toBeLessThanOrEqual(3);
  });

  it('for a logout is one', async () => {
    const { bearer } = await app.signUp();
    expect(await counted(() => app.http.post('/auth/logout').set(bearer))).toEqual([204, 1]);
  });
});
