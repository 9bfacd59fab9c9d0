import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { changeUser, deleteUser } from '../../src/admin/user-changes.js';
import { endUserSessions } from '../../src/sessions/end.js';
import { finishEndings } from '../../src/sessions/unfinished.js';
import { finishDeletions } from '../../src/users/removal.js';
import { goodPassword } from '../support/app.js';
import {
  ask,
  type Instance,
  logIn,
  type Operator,
  openOperator,
  print,
  refresh,
  signUp,
  startInstance,
  stopAll,
  type Tokens,
  welcome,
} from '../support/instance.js';
import { type PostgresCluster, startPostgresCluster } from '../support/postgres-cluster.js';

// The authority must not wait for what an attacker has piled up.
const piledUp = 120_000;
const atTheLatest = 1_000;

type Ending = (first: Instance, user: Tokens, operator: Operator) => Promise<unknown>;

const asked = async (answer: Promise<{ status: number; body: unknown }>) => {
  const { status, body } = await answer;
  expect(status, JSON.stringify(body)).toBe(204);
};

const endings: Record<string, Ending> = {
  'a logout of all sessions': (first, { access }) => asked(ask(first, 'POST /auth/logout-all', { bearer: access })),
  'a change of password': (first, { access }) =>
    asked(
      ask(first, 'POST /me/password', {
        bearer: access,
        body: { current_password: goodPassword, new_password: 'a wholly different battery staple' },
      }),
    ),
  'a reset': async (first, { userId }, { db }) => {
    const [token, hash] = ['a'.repeat(43), createHash('sha256').update('a'.repeat(43)).digest()];
    const email = `${userId}@example.com`;
    await db.user.update({ where: { id: userId }, data: { email, emailKey: email } });
    const expiresAt = new Date(Date.now() + 60_000);
    await db.oneTimeToken.create({
      data: { userId, purpose: 'reset', hash: new Uint8Array(hash), emailKey: email, expiresAt },
    });
    await asked(
      ask(first, 'POST /auth/password/reset', { body: { token, password: 'a wholly different battery staple' } }),
    );
  },
  'an ending by the operator': (_first, { userId }, operator) =>
    endUserSessions(operator, userId, 'ended_by_operator', {}),
  'a disabling': (_first, { userId }, operator) => changeUser(operator, userId, { disabled: true }, {}, 'all'),
  'a deletion by the operator': (_first, { userId }, operator) => deleteUser(operator, userId, {}, 'all'),
  'a deletion by the user': (first, { access }) =>
    asked(ask(first, 'DELETE /me', { bearer: access, body: { password: goodPassword } })),
};

describe(`a user with ${piledUp} live sessions, and with many todos and mails`, () => {
  let cluster: PostgresCluster;
  let operator: Operator;
  let first: Instance;
  let other: Instance;

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    first = await startInstance(cluster.url);
    other = await startInstance(cluster.url);
    operator = await openOperator(cluster.url);
  }, 60_000);
  afterAll(async () => {
    await stopAll(first, other);
    await operator?.close();
    await cluster?.remove();
  });

  async function pileUp({ userId }: Tokens): Promise<void> {
    const { db } = operator;
    for (let made = 0; made < piledUp; made += 10_000) {
      await db.$executeRaw`
        INSERT INTO session (id, user_id, nonce_hash, access_expires_at)
        SELECT gen_random_uuid(), ${userId}::uuid, '\\x00', clock_timestamp() + interval '15 minutes'
        FROM generate_series(1, 10000)`;
    }
    for (const _ of [1, 2]) {
      await db.$executeRaw`
        INSERT INTO todo (id, user_id, title) SELECT gen_random_uuid(), ${userId}::uuid, 'Wait'
        FROM generate_series(1, 10000)`;
      await db.$executeRaw`
        INSERT INTO outbox (id, purpose, user_id, recipient, sent_at)
        SELECT gen_random_uuid(), 'new_device', ${userId}::uuid, 'a@example.com', clock_timestamp()
        FROM generate_series(1, 10000)`;
    }
  }

  it.each(Object.keys(endings))(
    'is ended by %s within a second, on every instance, and tidied up afterwards',
    { timeout: 240_000 },
    async (name) => {
      const user = await signUp(first);
      const acts = await logIn(first, user.username);
      await pileUp(user);
      expect((await welcome(other, user.access)).status).toBe(200);
      const startedAt = performance.now();
      await endings[name]?.(first, acts, operator);
      const took = performance.now() - startedAt;
      for (const at of [other, first]) {
        expect((await refresh(at, user.refresh)).status).toBe(401);
      }
      await vi.waitFor(
        async () => {
          for (const at of [other, first]) {
            expect((await welcome(at, user.access)).body.code).toBe('session_revoked');
          }
        },
        { timeout: atTheLatest, interval: 5 },
      );
      print(`${name}, and felt elsewhere`, [took, performance.now() - startedAt]);
      expect(took).toBeLessThan(atTheLatest);

      const { db } = operator;
      const [{ userId }, kept] = [user, name === 'a change of password' ? 1 : 0];
      const leftOver = async () => [
        await db.session.count({ where: { userId, endedAt: null } }),
        await db.unfinishedEnding.count({ where: { userId } }),
        ...(name.startsWith('a deletion')
          ? [await db.user.count({ where: { id: userId } }), await db.todo.count({ where: { userId } })]
          : []),
      ];
      // The instances do the same by themselves, one at a time.
      await vi.waitFor(
        async () => {
          await finishEndings(operator);
          await finishDeletions(operator);
          const left = await leftOver();
          expect(left).toEqual([kept, 0, 0, 0].slice(0, left.length));
        },
        { timeout: 120_000, interval: 500 },
      );
      expect((await welcome(other, acts.access)).status).toBe(kept ? 200 : 401);
    },
  );

  it('is out of reach from the moment of the deletion, and the name is free, while rows are still there', {
    timeout: 120_000,
  }, async () => {
    const user = await signUp(first);
    await pileUp(user);
    await deleteUser(operator, user.userId, {}, 'all');
    expect(await operator.db.session.count({ where: { userId: user.userId } })).toBeGreaterThan(0);
    const body = { username: user.username, password: goodPassword };
    expect((await ask(first, 'POST /auth/login', { body })).body.code).toBe('invalid_credentials');
    expect((await signUp(other, user.username)).userId).not.toBe(user.userId);
    const held = await operator.db.user.findUniqueOrThrow({ where: { id: user.userId } });
    expect([held.email, held.passwordHash, held.roles]).toEqual([null, '', []]);
  });
});
