import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp, startAppForTest, type TestApp } from '../support/app.js';

describe('health', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  const live = (on = app) => on.http.get('/healthz');
  const ready = (on = app) => on.http.get('/readyz');

  it('of the process is answered without the database', async () => {
    app.statements.length = 0;
    const { status, body } = await live();
    expect([status, body]).toEqual([200, { status: 'ok' }]);
    expect(app.statements).toEqual([]);
  });

  it('of the service is answered after the database has responded', async () => {
    const { status, body } = await ready();
    expect([status, body]).toEqual([200, { status: 'ok' }]);
  });

  it('costs the database at most two probes a second, however often it is asked', async () => {
    await sleep(600);
    app.statements.length = 0;
    const startedAt = performance.now();
    while (performance.now() - startedAt < 1_200) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => ready()));
      expect(answers.every((answer) => answer.status === 200)).toBe(true);
    }
    const halfSeconds = Math.ceil((performance.now() - startedAt) / 500);
    expect(app.statements.length).toBeGreaterThan(0);
    expect(app.statements.length).toBeLessThanOrEqual(halfSeconds);
  });

  describe('while the database is unavailable', () => {
    it('is 503 with Retry-After for the service within a second, and 200 for the process', async () => {
      const own = await startApp();
      const user = await own.signUp();
      expect((await ready(own)).status).toBe(200);
      await own.deps.close();
      await sleep(600);
      const { status, body, headers } = await ready(own);
      expect([status, body.code, headers['retry-after']]).toEqual([503, 'database_unavailable', '1']);
      expect((await live(own)).status).toBe(200);
      // Endpoints that need the database answer the same, without internal details.
      for (const answer of [
        await own.http.get('/me').set(user.bearer),
        await own.http.post('/auth/login').send({ username: user.username, password: user.password }),
        await own.http.post('/auth/refresh').send({ refresh_token: user.refreshToken }),
        await own.http.post('/auth/logout').set(user.bearer),
      ]) {
        expect([answer.status, answer.body.code, answer.headers['retry-after']]).toEqual([
          503,
          'database_unavailable',
          '1',
        ]);
        expect(answer.text).not.toMatch(/prisma|pglite|postgres|stack|\.ts/i);
      }
      await own.stop().catch(() => undefined);
    });
  });

  it('is 503 for the service as soon as this instance begins to stop, and 200 for the process', async () => {
    const own = await startAppForTest();
    expect((await ready(own)).status).toBe(200);
    own.deps.readiness.drain();
    const { status, body } = await ready(own);
    expect([status, body.code]).toEqual([503, 'shutting_down']);
    expect((await live(own)).status).toBe(200);
  });
});
