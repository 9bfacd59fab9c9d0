import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser, deleteUser } from '../../src/admin/user-changes.js';
import { tellOfExpiry } from '../../src/api-keys/expiry.js';
import { createWake } from '../../src/platform/queue/wake.js';
import { goodPassword } from '../support/app.js';
import {
  type Answer,
  ask,
  type Instance,
  logIn,
  type Operator,
  signUp,
  startPair,
  type Tokens,
  welcome,
} from '../support/instance.js';

// The limit of the contract, in milliseconds from the response until the other instance refuses the key.
const atTheLatest = 1_000;

describe('API keys, on two instances', () => {
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

  const make = (at: Instance, { access: bearer }: Tokens, scopes = ['todos:read']): Promise<Answer> =>
    ask(at, 'POST /me/api-keys', { bearer, body: { name: 'Nightly backup', scopes, password: goodPassword } });

  async function refusedWith(at: Instance, key: string, code: string): Promise<void> {
    const deadline = performance.now() + atTheLatest;
    for (let answer = await welcome(at, key); answer.body.code !== code; answer = await welcome(at, key)) {
      expect(performance.now(), `${answer.status} ${answer.body.code}`).toBeLessThan(deadline);
      await sleep(10);
    }
  }

  it.each<[string, string, (user: Tokens, id: string) => Promise<unknown>]>([
    [
      'that its owner ended',
      'api_key_revoked',
      ({ access }, id) => ask(one, `DELETE /me/api-keys/${id}`, { bearer: access }),
    ],
    [
      'whose owner was disabled',
      'account_disabled',
      ({ userId }) => changeUser(operator, userId, { disabled: true }, {}, 'all'),
    ],
    ['whose owner was deleted', 'api_key_revoked', ({ userId }) => deleteUser(operator, userId, {}, 'all')],
    [
      'that ended with a new password',
      'api_key_revoked',
      ({ access }) =>
        ask(one, 'POST /me/password', {
          bearer: access,
          body: { current_password: goodPassword, new_password: 'another horse battery staple', end_api_keys: true },
        }),
    ],
  ])('a key %s is refused by the other within a second', { timeout: 60_000 }, async (_, code, end) => {
    for (let round = 0; round < 10; round++) {
      const user = await signUp(one);
      const { body } = await make(one, user);
      for (const at of [one, other]) expect((await welcome(at, body.key)).status).toBe(200);
      await end(user, body.id);
      await Promise.all([refusedWith(one, body.key, code), refusedWith(other, body.key, code)]);
    }
  });

  it('of 60 keys made at once at both, 50 are', { timeout: 60_000 }, async () => {
    const user = await signUp(one);
    const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => make(n % 2 ? one : other, user)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(50);
    expect(answers.filter(({ body }) => body.code === 'too_many_api_keys')).toHaveLength(10);
  });

  it('a key that is made while its owner loses the role opens nothing of it (20 rounds)', {
    timeout: 60_000,
  }, async () => {
    const keeper = await signUp(one);
    await changeUser(operator, keeper.userId, { roles: ['admin'] }, {}, 'all');
    for (let round = 0; round < 20; round++) {
      const user = await signUp(one);
      await changeUser(operator, user.userId, { roles: ['admin'] }, {}, 'all');
      const admin = await logIn(other, user.username);
      const [made] = await Promise.all([
        make(other, admin, ['users:read']),
        changeUser(operator, user.userId, { roles: [] }, {}, 'all'),
      ]);
      expect([201, 401, 403]).toContain(made.status);
      if (made.status !== 201) continue;
      await sleep(atTheLatest / 2);
      for (const at of [one, other])
        expect((await ask(at, 'GET /admin/users', { bearer: made.body.key })).status).toBe(403);
    }
  });

  it('owners are mailed once of an expiry, although every instance looks', async () => {
    const { userId, ...user } = await signUp(one);
    await operator.db.user.update({
      where: { id: userId },
      data: { email: 'ada@example.com', emailKey: 'ada@example.com', emailVerifiedAt: new Date() },
    });
    const { body } = await make(one, { userId, ...user });
    await operator.db.$executeRaw`
      UPDATE api_key SET created_at = now() - interval '80 days', expires_at = now() + interval '6 days'
      WHERE id = ${body.id}::uuid`;
    const outboxWake = createWake();
    await Promise.all(Array.from({ length: 5 }, () => tellOfExpiry({ db: operator.db, outboxWake })));
    expect(await operator.db.outbox.count({ where: { purpose: 'api_key_expiring', userId } })).toBe(1);
  });
});
