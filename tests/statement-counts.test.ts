import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goodPassword, type SignedUp, startApp, type TestApp } from './support/app.js';

/** The budgets of docs and design, on a server that keeps what it knows fresh. BEGIN and COMMIT are not counted. */
describe('statements', () => {
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

  it('of checking an access token: none, the first time and later', async () => {
    for (let time = 0; time < 3; time++)
      expect(await counted(() => app.http.get('/welcome').set(user.bearer))).toEqual([200, 0]);
  });

  it('of refusing one: none', async () => {
    const ended = await app.signUp();
    await app.http.post('/auth/logout').set(ended.bearer);
    for (let time = 0; time < 2; time++)
      expect(await counted(() => app.http.get('/welcome').set(ended.bearer))).toEqual([401, 0]);
    const forged = `${user.accessToken.slice(0, -6)}AAAAAA`;
    expect(await counted(() => app.http.get('/welcome').set('Authorization', `Bearer ${forged}`))).toEqual([401, 0]);
  });

  it('of GET /me: one', async () => {
    expect(await counted(() => app.http.get('/me').set(user.bearer))).toEqual([200, 1]);
  });

  it('of a refresh: one, also within the grace', async () => {
    const { refreshToken } = await app.signUp();
    expect(await counted(() => refresh(refreshToken))).toEqual([200, 1]);
    expect(await counted(() => refresh(refreshToken))).toEqual([200, 1]);
  });

  it('of a forged refresh: none', async () => {
    const forged = `${user.refreshToken.slice(0, -1)}${user.refreshToken.endsWith('A') ? 'B' : 'A'}`;
    expect(await counted(() => refresh(forged))).toEqual([401, 0]);
  });

  it('of a login: three at the most', async () => {
    const [status, count] = await counted(() =>
      app.http.post('/auth/login').send({ username: user.username, password: goodPassword }),
    );
    expect(status).toBe(200);
    expect(count).toBeLessThanOrEqual(3);
  });

  it('of a logout: one', async () => {
    const { bearer } = await app.signUp();
    expect(await counted(() => app.http.post('/auth/logout').set(bearer))).toEqual([204, 1]);
  });
});
