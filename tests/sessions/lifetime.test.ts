import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkPassword } from '../../src/log-in/guard.js';
import type { CheckedUser } from '../../src/passwords/check.js';
import { passwordProof } from '../../src/passwords/proof.js';
import { endSession } from '../../src/sessions/end.js';
import { refreshSession } from '../../src/sessions/refresh.js';
import { startSession } from '../../src/sessions/start.js';
import { goodPassword, type SignedUp, startApp, type TestApp } from '../support/app.js';

const caller = { address: '192.0.2.1', userAgent: 'test' };

describe('sessions', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  const count = (user: SignedUp) => app.deps.db.session.count({ where: { userId: user.userId } });
  async function checked(user: SignedUp) {
    const found = await checkPassword(app.deps, user.username, goodPassword, caller);
    if (!found) throw new Error('The password should be right');
    return found;
  }

  const start = ({ user, passwordHash }: CheckedUser) =>
    startSession(app.deps, passwordProof(user, passwordHash), caller);

  describe('after the password was checked', () => {
    it.each<[string, (user: SignedUp) => Promise<unknown>]>([
      [
        'the password was changed',
        async ({ userId }) =>
          app.deps.db.user.update({
            where: { id: userId },
            data: { passwordHash: await app.deps.passwords.hash('another password') },
          }),
      ],
      [
        'the same password was set again',
        async ({ userId }) =>
          app.deps.db.user.update({
            where: { id: userId },
            data: { passwordHash: await app.deps.passwords.hash(goodPassword) },
          }),
      ],
      [
        'the user was disabled',
        ({ userId }) => app.deps.db.user.update({ where: { id: userId }, data: { disabledAt: new Date() } }),
      ],
      ['the user was deleted', ({ userId }) => app.deps.db.user.delete({ where: { id: userId } })],
    ])('are not started if %s', async (_what, change) => {
      const user = await app.signUp();
      const before = await checked(user);
      await change(user);
      const sessionsThen = await count(user);
      expect(await start(before)).toBeUndefined();
      expect(await count(user)).toBe(sessionsThen);
    });

    it('are started if nothing else happened (without this, the refusals above would prove nothing)', async () => {
      const user = await app.signUp();
      const tokens = await start(await checked(user));
      expect(tokens?.user.id).toBe(user.userId);
      expect(await count(user)).toBe(2);
    });
  });

  it('are stored together with last_login_at, or neither is stored', async () => {
    const user = await app.signUp();
    const before = await app.deps.db.user.findUniqueOrThrow({ where: { id: user.userId } });
    const check = await checked(user);
    await app.deps.db.$executeRaw`ALTER TABLE session ADD CONSTRAINT nothing_more CHECK (false) NOT VALID`;
    await expect(start(check)).rejects.toThrow();
    await app.deps.db.$executeRaw`ALTER TABLE session DROP CONSTRAINT nothing_more`;
    const after = await app.deps.db.user.findUniqueOrThrow({ where: { id: user.userId } });
    expect(after.lastLoginAt).toEqual(before.lastLoginAt);
    await start(check);
    const loggedIn = await app.deps.db.user.findUniqueOrThrow({ where: { id: user.userId } });
    expect(loggedIn.lastLoginAt?.getTime()).toBeGreaterThan(before.lastLoginAt?.getTime() ?? 0);
  });

  it('keep the latest expiry of all their access tokens, and it never moves back', async () => {
    const user = await app.signUp();
    const row = () => app.deps.db.session.findUniqueOrThrow({ where: { id: user.sessionId } });
    const later = new Date(Date.now() + 3_600_000);
    await app.deps.db
      .$executeRaw`UPDATE session SET access_expires_at = ${later}::timestamptz WHERE id = ${user.sessionId}::uuid`;
    await refreshSession(app.deps, user.refreshToken, caller);
    expect((await row()).accessExpiresAt).toEqual(later);
    await app.deps.db
      .$executeRaw`UPDATE session SET access_expires_at = now() - interval '1 hour' WHERE id = ${user.sessionId}::uuid`;
    await refreshSession(app.deps, user.refreshToken, caller);
    expect((await row()).accessExpiresAt.getTime()).toBeGreaterThan(Date.now() + 800_000);
  });

  it('end only once: the first reason and time stay', async () => {
    const user = await app.signUp();
    const row = () => app.deps.db.session.findUniqueOrThrow({ where: { id: user.sessionId } });
    await endSession(app.deps, user.sessionId, 'logout', {});
    const ended = await row();
    expect(ended).toMatchObject({ endReason: 'logout', endedAt: expect.any(Date) });
    await endSession(app.deps, user.sessionId, 'refresh_token_reused', {});
    expect(await row()).toEqual(ended);
  });

  it('keep the address and browser of the last rotation, not of a repeat within the grace period', async () => {
    const user = await app.signUp();
    const row = () => app.deps.db.session.findUniqueOrThrow({ where: { id: user.sessionId } });
    await refreshSession(app.deps, user.refreshToken, { address: '192.0.2.7', userAgent: 'moved' });
    expect(await row()).toMatchObject({ ip: '192.0.2.7', userAgent: 'moved' });
    await refreshSession(app.deps, user.refreshToken, { address: '192.0.2.8', userAgent: 'other tab' });
    expect(await row()).toMatchObject({ ip: '192.0.2.7', userAgent: 'moved' });
  });

  it('are not refreshed by a genuine token if their nonce differs (a stolen key backup alone is not enough)', async () => {
    const user = await app.signUp();
    await app.deps.db.$executeRaw`UPDATE session SET nonce_hash = sha256('other') WHERE id = ${user.sessionId}::uuid`;
    await expect(refreshSession(app.deps, user.refreshToken, caller)).rejects.toMatchObject({
      code: 'invalid_refresh_token',
    });
    const { endedAt } = await app.deps.db.session.findUniqueOrThrow({ where: { id: user.sessionId } });
    expect(endedAt).toBeNull();
  });
});
