import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import { resetSecondFactor } from '../../src/second-factor/reset.js';
import { goodPassword } from '../support/app.js';
import { type Authenticator, createAuthenticator } from '../support/authenticator.js';
import {
  type Answer,
  ask,
  type Instance,
  type Operator,
  refresh,
  signUp,
  startPair,
  welcome,
} from '../support/instance.js';

const rounds = 200;
const atOnce = 10;

describe('A sign-in by passkey, on two instances', () => {
  let operator: Operator;
  let one: Instance;
  let other: Instance;
  let stop: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    ({ one, other, operator, stop } = await startPair());
  }, 120_000);
  afterAll(async () => {
    for (const line of [one, other].flatMap(({ logs }) => logs)) expect(line).not.toMatch(/deadlock|"level":[56]0/);
    await stop?.();
  });

  type User = { userId: string; access: string; refresh: string; passkeyId: string; authenticator: Authenticator };

  async function withPasskey(): Promise<User> {
    const user = await signUp(one);
    const authenticator = createAuthenticator({ synced: false, counts: true });
    const asking = { bearer: user.access, body: { password: goodPassword } };
    const { body } = await ask(one, 'POST /me/passkeys/options', asking);
    const passkey = authenticator.create(body.options);
    const made = await ask(other, 'POST /me/passkeys', { bearer: user.access, body: { passkey } });
    expect(made.status).toBe(201);
    return { ...user, passkeyId: made.body.id, authenticator };
  }

  const answerTo = async (at: Instance, { authenticator }: User) =>
    authenticator.get((await ask(at, 'POST /auth/passkey/options')).body.options);
  const send = (to: Instance, passkey: unknown) => ask(to, 'POST /auth/login/passkey', { body: { passkey } });
  const later = () => sleep(Math.random() * 6);

  async function play(round: () => Promise<void>): Promise<void> {
    for (let played = 0; played < rounds; played += atOnce)
      await Promise.all(Array.from({ length: atOnce }, () => round()));
  }

  it('counts an answer once, wherever it was asked for and is sent', { timeout: 900_000 }, async () => {
    const users = await Promise.all(Array.from({ length: atOnce }, withPasskey));
    for (let played = 0; played < rounds; played += atOnce)
      await Promise.all(
        users.map(async (user) => {
          const passkey = await answerTo(one, user);
          const answers = await Promise.all([one, other, one, other].map((to) => send(to, passkey)));
          expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400]);
          for (const { status, body } of answers) if (status !== 200) expect(body.code).toBe('challenge_expired');
        }),
      );
    expect(await operator.db.auditEvent.count({ where: { action: 'passkey.suspect' } })).toBe(0);
  });

  const endings: Record<string, (user: User) => Promise<unknown>> = {
    'the removal of the passkey': async ({ passkeyId, access }) => {
      const asking = { bearer: access, body: { password: goodPassword } };
      expect((await ask(other, `DELETE /me/passkeys/${passkeyId}`, asking)).status).toBe(204);
    },
    'a disabling': ({ userId }) => changeUser(operator, userId, { disabled: true }, {}, 'all'),
    'a deletion': ({ access }) => ask(other, 'DELETE /me', { bearer: access, body: { password: goodPassword } }),
    'a reset of the second factors': ({ userId }) => resetSecondFactor(operator, userId, {}),
    'a logout of all sessions': ({ access }) => ask(other, 'POST /auth/logout-all', { bearer: access }),
  };

  it.each(Object.entries(endings))(
    'leaves no live session after %s at the same moment',
    { timeout: 900_000 },
    (name, end) =>
      play(async () => {
        const user = await withPasskey();
        const passkey = await answerTo(one, user);
        const [answer] = await Promise.all([later().then(() => send(one, passkey)), later().then(() => end(user))]);
        expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(500);
        // After a logout the passkey is what it was: a sign-in that comes after it counts.
        const mayLive = name === 'a logout of all sessions' ? 1 : 0;
        if (answer.status === 200 && mayLive === 0) await expectDead(answer);
        const live = await operator.db.$queryRaw<{ count: number }[]>`
        SELECT count(*)::int AS count FROM session s JOIN "user" u ON u.id = s.user_id
        WHERE s.user_id = ${user.userId}::uuid AND s.ended_at IS NULL AND s.epoch = u.epoch
          AND u.disabled_at IS NULL AND u.deleted_at IS NULL AND s.acr = 'phr'`;
        expect(live[0]?.count).toBeLessThanOrEqual(mayLive);
        if (mayLive === 0) expect((await send(other, await answerTo(other, user))).status).toBeGreaterThanOrEqual(401);
      }),
  );

  async function expectDead({ body }: Answer): Promise<void> {
    const opens = async () =>
      (await Promise.all([one, other].map((at) => welcome(at, body.access_token)))).map(({ status }) => status);
    await expect.poll(opens, { timeout: 10_000 }).toEqual([401, 401]);
    expect((await refresh(other, body.refresh_token)).status).toBe(401);
  }
});
