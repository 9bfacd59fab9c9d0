import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { keepToken, newToken } from '../../src/email/one-time-tokens.js';
import { Prisma } from '../../src/generated/prisma/client.js';
import { simulatedPassword } from '../support/crowd.js';
import { expectSoundLog } from '../support/fault-log.js';
import { type Instance, newName, type Operator, openOperator, startInstance, tokensOf } from '../support/instance.js';
import { eventually } from '../support/mails.js';
import { type PostgresCluster, startPostgresCluster } from '../support/postgres-cluster.js';
import { type PostgresProxy, startPostgresProxy } from '../support/postgres-proxy.js';
import { expectWholeUsers } from '../support/whole-users.js';
import { expectDocumented, recordRequest, type Seen } from '../support/witness.js';

let cluster: PostgresCluster;
let proxy: PostgresProxy;
let instance: Instance;
let operator: Operator;

beforeAll(async () => {
  cluster = await startPostgresCluster();
  proxy = await startPostgresProxy(cluster.url, isOfARequest);
  // The limits are on, so that their statements can be cut too, but too high to be reached.
  const points = Object.fromEntries(limits.map((name) => [`RATE_LIMIT_${name}`, '1000000/1h']));
  instance = await startInstance(proxy.url, { RATE_LIMIT: 'on', REFRESH_GRACE: '2m', ...points });
  operator = await openOperator(cluster.url);
});
afterEach(async () => await expectWholeUsers(cluster.url));
afterAll(async () => {
  await instance.stop();
  expectSoundLog(instance.logs);
  await operator.close();
  proxy.close();
  await cluster.remove();
});

const limits = ['LOGIN_ADDRESS', 'LOGIN_ACCOUNT', 'LOGIN_DEVICE', 'SIGNUP', 'PASSWORD', 'MAIL', 'REFRESH', 'GENERAL'];

/** Excludes the set-up of a connection, the mail worker and the jobs. */
function isOfARequest(sql: string): boolean {
  return !/^(SET |SELECT coalesce\(\s|UPDATE outbox|DELETE FROM outbox|SELECT extract|SELECT .* FROM revocation)|pg_try_advisory|"signing_key"/s.test(
    sql,
  );
}

const when = [['before Postgres gets it', 'before'] as const, ['after Postgres has answered it', 'after'] as const];

/** Repeats a request, each time with the connection cut at the next statement, until none is left to cut. */
async function cutEverywhere(
  what: string,
  at: 'before' | 'after',
  round: () => Promise<{ ask: () => Promise<Seen>; check: (seen: Seen) => Promise<void> }>,
): Promise<string[]> {
  const cuts: string[] = [];
  const all: Seen[] = [];
  for (;;) {
    const { ask, check } = await round();
    const tell = proxy.cutAt(cuts.length + 1, at);
    const seen = await ask();
    const statement = tell();
    all.push(seen);
    expectDocumented([seen]);
    await check(seen);
    if (statement === undefined) break;
    cuts.push(statement);
    // For a second the limits do not use their store, so their statements would be missing from the next round.
    if (/rate_limit/.test(statement)) await sleep(1_100);
  }
  const refused = all.filter(({ status }) => status === 503).length;
  const slowest = Math.round(Math.max(...all.map(({ ms }) => ms)));
  console.info(
    `  ${what}, cut ${at} each of ${cuts.length} statements: ${refused} × 503, the slowest after ${slowest} ms`,
  );
  return cuts;
}

const ask = (line: string, body: unknown, bearer?: string) =>
  recordRequest(instance.url, line, { body, ...(bearer !== undefined && { bearer }) });
const logIn = (username: string, password = simulatedPassword) => ask('POST /auth/login', { username, password });
const refresh = (refresh_token: string) => ask('POST /auth/refresh', { refresh_token });

async function signUp() {
  const username = newName();
  return tokensOf(username, await ask('POST /auth/signup', { username, password: simulatedPassword }));
}

describe.each(when)('After a connection was cut at any statement, %s,', { timeout: 120_000 }, (_, at) => {
  it('a sign-up has made a user who can log in, or none, and the name is free', async () => {
    const cuts = await cutEverywhere('sign-up', at, async () => {
      const username = newName();
      return {
        ask: () => ask('POST /auth/signup', { username, password: simulatedPassword }),
        async check({ status }) {
          const made = (await operator.db.user.count({ where: { usernameKey: username } })) === 1;
          if (status === 201) expect(made).toBe(true);
          const again = await ask('POST /auth/signup', { username, password: simulatedPassword });
          expect(again.status).toBe(made ? 409 : 201);
          expect((await logIn(username)).status).toBe(200);
        },
      };
    });
    expect(cuts.join('\n')).toMatch(/INSERT INTO "user"/);
  });

  it('a login has made a session that works, or none', async () => {
    const { username, userId } = await signUp();
    const cuts = await cutEverywhere('login', at, async () => {
      const before = await operator.db.session.count({ where: { userId } });
      return {
        ask: () => logIn(username),
        async check({ status, body }) {
          const made = (await operator.db.session.count({ where: { userId } })) - before;
          expect(status === 200 ? [1] : [0, 1]).toContain(made);
          if (status === 200) expect((await refresh(body.refresh_token)).status).toBe(200);
          expect((await logIn(username)).status).toBe(200);
        },
      };
    });
    expect(cuts.join('\n')).toMatch(/INSERT INTO session/);
  });

  it('a refresh has lost no session: a repeat with the same token returns the same new token', async () => {
    const cuts = await cutEverywhere('refresh', at, async () => {
      const session = await signUp();
      return {
        ask: () => refresh(session.refresh),
        async check(first) {
          const second = await refresh(session.refresh);
          expect(second.status).toBe(200);
          if (first.status === 200) expect(second.body.refresh_token).toBe(first.body.refresh_token);
          const next = await refresh(second.body.refresh_token);
          expect([next.status, next.body.session_id]).toEqual([200, session.sessionId]);
        },
      };
    });
    expect(cuts.join('\n')).toMatch(/UPDATE session/);
  });

  it('a reset has happened completely or not at all: password, link and sessions together', async () => {
    const newPassword = 'incorrect donkey battery staple';
    const cuts = await cutEverywhere('reset', at, async () => {
      const session = await signUp();
      const token = await resetTokenFor(session.userId);
      return {
        ask: () => ask('POST /auth/password/reset', { token, password: newPassword }),
        async check({ status }) {
          const logins = [await logIn(session.username), await logIn(session.username, newPassword)];
          const done = logins[1]?.status === 200;
          expect(logins.map(({ status }) => status)).toEqual(done ? [401, 200] : [200, 401]);
          if (status === 204) expect(done).toBe(true);
          const again = await ask('POST /auth/password/reset', { token, password: newPassword });
          expect([again.status, again.body?.code]).toEqual(done ? [400, 'invalid_token'] : [204, undefined]);
          // If the response to COMMIT was lost, this instance learns of the ending a moment later.
          await sleep(done && status === 503 ? 1_000 : 0);
          expect((await recordRequest(instance.url, 'GET /welcome', { bearer: session.access })).status).toBe(401);
          expect((await refresh(session.refresh)).body.code).toBe('session_revoked');
          await settled();
        },
      };
    });
    expect(cuts).toContain('COMMIT');
  });
});

/** A token as in a mail, for a user who now has an address. */
async function resetTokenFor(userId: string): Promise<string> {
  const { db } = operator;
  const email = `${userId}@example.org`;
  await db.user.update({ where: { id: userId }, data: { email, emailKey: email } });
  const { token, hash } = newToken();
  const to = Prisma.sql`FROM "user" u, (SELECT ${email}::text AS to_key) address WHERE u.id = ${userId}::uuid`;
  await db.$executeRaw(keepToken('reset', { token, hash }, to));
  return token;
}

/** Waits until the mail worker is idle, because its statements would be counted with the next request. */
async function settled(): Promise<void> {
  await eventually(async () => (await operator.db.outbox.count({ where: { sentAt: null, failedAt: null } })) === 0);
  await sleep(50);
}
