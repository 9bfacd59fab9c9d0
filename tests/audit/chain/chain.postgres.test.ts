import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealAudit, withChain } from '../../../src/audit/chain/seal.js';
import { verifyAudit } from '../../../src/audit/chain/verify.js';
import { startApp, type TestApp } from '../../support/app.js';

describe('sealing the audit on a server', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  it('never makes a login, a refresh or a logout wait', async () => {
    const user = await app.signUp();
    await withChain(app.deps, async (tx) => {
      await tx.$executeRaw`UPDATE audit_event SET position = NULL`;
      const startedAt = performance.now();
      const { username, password, refreshToken } = user;
      const logIn = await app.http.post('/auth/login').send({ username, password });
      expect(logIn.status).toBe(200);
      expect((await app.http.post('/auth/login').send({ username, password: 'wrong' })).status).toBe(401);
      expect((await app.http.post('/auth/refresh').send({ refresh_token: refreshToken })).status).toBe(200);
      expect((await app.http.post('/auth/logout').set(user.bearer)).status).toBe(204);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
      expect(await sealAudit(app.deps)).toBeUndefined();
    });
    expect(await sealAudit(app.deps)).toBe(3);
    expect((await verifyAudit(app.deps)).problems).toEqual([]);
  });

  it('includes a transaction that commits after newer events were sealed', async () => {
    const before = (await verifyAudit(app.deps)).events;
    await app.deps.db.$transaction(async (tx) => {
      await tx.$executeRaw`INSERT INTO audit_event (id, action) VALUES (gen_random_uuid(), 'user.enabled')`;
      await app.signUp();
      expect(await sealAudit(app.deps)).toBe(1);
    });
    expect(await sealAudit(app.deps)).toBe(1);
    expect(await verifyAudit(app.deps)).toMatchObject({ events: before + 2, problems: [] });
  });
});
