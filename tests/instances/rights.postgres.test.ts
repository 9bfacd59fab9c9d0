import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import { tokenHash } from '../../src/email/one-time-tokens.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { goodPassword } from '../support/app.js';
import { ask, type Instance, logIn, newName, type Operator, signUp, startPair } from '../support/instance.js';

describe('Rights that are given, on two instances', () => {
  let operator: Operator;
  let one: Instance;
  let other: Instance;
  let stop: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    ({ one, other, operator, stop } = await startPair());
  }, 90_000);
  afterAll(async () => {
    await stop?.();
  });

  const newAdmin = async () => {
    const { userId, username } = await signUp(one);
    await changeUser(operator, userId, { roles: ['admin'] }, {}, 'all');
    return logIn(one, username);
  };

  /** When the user's roles last changed. */
  const changedAt = async (userId: string) =>
    (
      await operator.db.auditEvent.findFirst({ where: { userId, action: 'roles.changed' }, orderBy: { at: 'desc' } })
    )?.at.getTime() ?? 0;

  /** Without a mail, which would make a token of its own. */
  const invitationOf = async (invitedBy: string) => {
    const email = `${newName()}@example.com`;
    const token = `token-of-${email}`;
    const expiresAt = new Date(Date.now() + 60_000);
    const data = {
      id: uuidv7(),
      email,
      emailKey: email,
      roles: ['admin'],
      invitedBy,
      hash: tokenHash(token),
      expiresAt,
    };
    await operator.db.invitation.create({ data });
    return { email, token };
  };

  it('are given by nobody who has lost them: two admins change others at once (200 rounds)', {
    timeout: 300_000,
  }, async () => {
    const boss = await newAdmin();
    let given = 0;
    for (let round = 0; round < 200; round++) {
      const [admin, friend] = [await newAdmin(), await signUp(other)];
      const [demoted, widened] = await Promise.all([
        ask(one, `PATCH /admin/users/${admin.userId}`, { bearer: boss.access, body: { roles: [] } }),
        ask(other, `PATCH /admin/users/${friend.userId}`, { bearer: admin.access, body: { roles: ['admin'] } }),
      ]);
      expect(demoted.status).toBe(200);
      if (widened.status === 200) {
        given += 1;
        expect(await changedAt(friend.userId), `round ${round}`).toBeLessThan(await changedAt(admin.userId));
      } else {
        expect([401, 403]).toContain(widened.status);
        expect((await operator.db.user.findUniqueOrThrow({ where: { id: friend.userId } })).roles).toEqual([]);
      }
    }
    process.stdout.write(`  the second one was first in ${given} of 200 rounds\n`);
  });

  it('two who widen and narrow each other at once wait for each other, and neither deadlocks (100 rounds)', {
    timeout: 300_000,
  }, async () => {
    for (let round = 0; round < 100; round++) {
      const [left, right] = [await newAdmin(), await newAdmin()];
      const change = (at: Instance, actor: typeof left, target: typeof left) =>
        ask(at, `PATCH /admin/users/${target.userId}`, { bearer: actor.access, body: { roles: ['editor'] } });
      const answers = await Promise.all([change(one, left, right), change(other, right, left)]);
      const done = answers.filter(({ status }) => status === 200);
      expect(done, `round ${round}`).toHaveLength(1);
      expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
    }
  });

  it('by an invitation make one user of two sign-ups at once (200 rounds)', { timeout: 300_000 }, async () => {
    const boss = await newAdmin();
    for (let round = 0; round < 200; round++) {
      const { email, token } = await invitationOf(boss.userId);
      const body = () => ({ username: newName(), password: goodPassword, invitation: token });
      const answers = await Promise.all([one, other].map((at) => ask(at, 'POST /auth/signup', { body: body() })));
      expect(answers.map(({ status }) => status).sort(), `round ${round}`).toEqual([201, 400]);
      expect(answers.find(({ status }) => status === 400)?.body.code).toBe('invalid_token');
      expect(await operator.db.user.count({ where: { emailKey: email } })).toBe(1);
    }
  });

  it.each([
    ['demoted', Prisma.sql`roles = '{}', version = version + 1`],
    ['disabled', Prisma.sql`disabled_at = clock_timestamp(), version = version + 1`],
    ['deleted', Prisma.sql`deleted_at = clock_timestamp(), roles = '{}'`],
  ])('by an invitation wait for its inviter who is being %s, and then are not given', async (_, change) => {
    const { userId } = await newAdmin();
    const { email, token } = await invitationOf(userId);
    const body = { username: newName(), password: goodPassword, invitation: token };
    const answer = await operator.db.$transaction(async (tx) => {
      await tx.$executeRaw`UPDATE "user" SET ${change} WHERE id = ${userId}::uuid`;
      // It finds the inviter as before, and then the row is locked.
      const asked = ask(one, 'POST /auth/signup', { body });
      expect(await Promise.race([asked, sleep(1_000)])).toBeUndefined();
      return { asked };
    });
    expect((await answer.asked).body.code).toBe('invalid_token');
    expect(await operator.db.user.count({ where: { emailKey: email } })).toBe(0);
  });
});
