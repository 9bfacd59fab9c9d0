import { describe, expect, it } from 'vitest';
import { Prisma } from '../../src/generated/prisma/client.js';
import { type SignedUp, startAppForTest } from '../support/app.js';
import { eventually } from '../support/mails.js';

describe('an ending that waits for a session', () => {
  it.each([
    ['logout', '/auth/logout'],
    ['revocation', '/oauth/revoke'],
  ])('%s ends it, though what it waited for kept that session and ended the others', async (_, path) => {
    const app = await startAppForTest({});
    const user: SignedUp = await app.signUp();
    const { db } = app.deps;
    const ended = await db.$transaction(async (tx) => {
      // As a new password does: the user's row first, then the session that is kept.
      await tx.$executeRaw`UPDATE "user" SET epoch = epoch + 1 WHERE id = ${user.userId}::uuid`;
      await tx.$executeRaw`UPDATE session SET epoch = epoch + 1 WHERE user_id = ${user.userId}::uuid`;
      const answer = app.http
        .post(path)
        .set(path === '/auth/logout' ? user.bearer : {})
        .send(path === '/auth/logout' ? undefined : new URLSearchParams({ token: user.refreshToken }).toString())
        .then((it) => it);
      const waiting = Prisma.sql`SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      await eventually(async () => ((await db.$queryRaw<{ count: number }[]>(waiting))[0]?.count ?? 0) > 0);
      return { answer };
    });
    expect((await ended.answer).status).toBeLessThan(300);
    await app.http.get('/me').set(user.bearer).expect(401);
    await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken }).expect(401);
  });
});
