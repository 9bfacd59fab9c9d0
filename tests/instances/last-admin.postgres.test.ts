import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import { ask, type Instance, logIn, type Operator, signUp, startPair, type Tokens } from '../support/instance.js';

describe('the last admin, on two instances', () => {
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

  const makeAdmin = async (user: Tokens) => {
    await changeUser(operator, user.userId, { roles: ['admin'] }, {}, 'all');
    return logIn(one, user.username);
  };

  it('stays if all admins are removed at once (50 rounds)', { timeout: 120_000 }, async () => {
    const ways = [
      (at: Instance, id: string, bearer: string) =>
        ask(at, `PATCH /admin/users/${id}`, { bearer, body: { roles: [] } }),
      (at: Instance, id: string, bearer: string) =>
        ask(at, `PATCH /admin/users/${id}`, { bearer, body: { disabled: true } }),
      (at: Instance, id: string, bearer: string) => ask(at, `DELETE /admin/users/${id}`, { bearer }),
    ];
    let left = await makeAdmin(await signUp(one));
    for (let round = 0; round < 50; round++) {
      const admins = [left, await makeAdmin(await signUp(one)), await makeAdmin(await signUp(one))];
      const answers = await Promise.all(
        admins.map((admin, n) => {
          const way = ways[(round + n) % ways.length] as (typeof ways)[0];
          const target = admins[(n + (round % 3)) % admins.length] as Tokens;
          return way(n % 2 === 0 ? one : other, target.userId, admin.access);
        }),
      );
      // They wait for each other, and neither fail nor deadlock.
      expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
      const stored = await operator.db.user.findMany({ where: { roles: { has: 'admin' }, disabledAt: null } });
      expect(stored.length, `round ${round}`).toBeGreaterThanOrEqual(1);
      const survivors = admins.filter(({ userId }) => stored.some(({ id }) => id === userId));
      left = await logIn(one, survivors[0]?.username ?? '');
      for (const { userId } of survivors.slice(1)) await changeUser(operator, userId, { roles: [] }, {}, 'all');
    }
  });
});
