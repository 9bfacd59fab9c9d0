import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser, deleteUser } from '../../src/admin/user-changes.js';
import { endUserSessions } from '../../src/sessions/end.js';
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

// The limit of the contract, in milliseconds from the response until the other instance refuses the token.
const atTheLatest = 1_000;

const newPassword = 'a wholly different battery staple';

/** A way to end a user's access token or make it stale, on the first instance or by the operator. */
type Ending = { code: string; by(first: Instance, user: Tokens, operator: Operator): Promise<unknown> };

async function expect204(answer: Promise<{ status: number }>): Promise<void> {
  expect((await answer).status).toBe(204);
}

const logout: Ending = {
  code: 'session_revoked',
  by: (first, { access }) => expect204(ask(first, 'POST /auth/logout', { bearer: access })),
};

const endings: Record<string, Ending> = {
  'a logout': logout,
  'a logout by refresh token': {
    code: 'session_revoked',
    by: (first, user) => expect204(ask(first, 'POST /auth/logout', { body: { refresh_token: user.refresh } })),
  },
  'a logout of all sessions': {
    code: 'session_revoked',
    async by(first, { username }) {
      const { access } = await logIn(first, username);
      await expect204(ask(first, 'POST /auth/logout-all', { bearer: access }));
    },
  },
  'an ending from the list of sessions': {
    code: 'session_revoked',
    async by(first, { username, sessionId }) {
      const { access } = await logIn(first, username);
      await expect204(ask(first, `DELETE /auth/sessions/${sessionId}`, { bearer: access }));
    },
  },
  'a change of password': {
    code: 'session_revoked',
    async by(first, { username }) {
      const { access } = await logIn(first, username);
      const body = { current_password: goodPassword, new_password: newPassword };
      await expect204(ask(first, 'POST /me/password', { bearer: access, body }));
    },
  },
  'a stolen refresh token': {
    code: 'session_revoked',
    async by(first, user, { db }) {
      await refresh(first, user.refresh);
      await db.$executeRaw`UPDATE session SET rotated_at = rotated_at - interval '1 hour' WHERE id = ${user.sessionId}::uuid`;
      expect((await refresh(first, user.refresh)).body.code).toBe('refresh_token_reused');
    },
  },
  'a deletion by the user': {
    code: 'session_revoked',
    by: (first, { access }) =>
      expect204(ask(first, 'DELETE /me', { bearer: access, body: { password: goodPassword } })),
  },
  'a disabling': {
    code: 'session_revoked',
    by: (_first, user, operator) => changeUser(operator, user.userId, { disabled: true }, {}, 'all'),
  },
  'a deletion by the operator': {
    code: 'session_revoked',
    by: (_first, user, operator) => deleteUser(operator, user.userId, {}, 'all'),
  },
  'an ending by the operator': {
    code: 'session_revoked',
    by: (_first, user, operator) => endUserSessions(operator, user.userId, 'ended_by_operator', {}),
  },
  'a change of roles': {
    code: 'token_stale',
    by: (_first, user, operator) => changeUser(operator, user.userId, { roles: ['editor'] }, {}, 'all'),
  },
};

describe('an ending on one instance', () => {
  // Its own server, because it is killed and frozen here.
  let cluster: PostgresCluster;
  let operator: Operator;
  let first: Instance;
  let other: Instance;

  // The names of their connections tell the listeners of the instances apart.
  const urlFor = (name: string) => `${cluster.url}?application_name=${name}`;

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    first = await startInstance(urlFor('first'));
    other = await startInstance(urlFor('other'));
    operator = await openOperator(cluster.url);
  }, 60_000);
  afterAll(async () => {
    cluster?.thaw();
    await stopAll(first, other);
    await operator?.close();
    await cluster?.remove();
  });

  async function onDatabase(sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: cluster.url });
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** The backend that an instance listens on. */
  async function listenerOf(name: string): Promise<number> {
    const [row] = await onDatabase(`SELECT pid FROM pg_stat_activity
      WHERE application_name = '${name}' AND query LIKE 'LISTEN %' ORDER BY backend_start DESC LIMIT 1`);
    if (!row) throw new Error(`${name} does not listen`);
    return row.pid as number;
  }

  /** How long after its ending the other instance accepts a token. From then on it must stay refused. */
  async function refusedAfter({ access }: Tokens, code: string, at = other): Promise<number> {
    const ended = performance.now();
    for (;;) {
      const { status, body } = await welcome(at, access);
      const after = performance.now() - ended;
      // While the database is unavailable, 503 is fine, but 200 is not.
      if (status === 401) {
        expect(body.code).toBe(code);
        expect((await welcome(at, access)).status).toBe(401);
        return after;
      }
      if (status === 200) expect(after).toBeLessThan(atTheLatest);
      if (after > 10_000) throw new Error(`Still ${status} after 10 s`);
      await sleep(1);
    }
  }

  async function signedUpAndSeen(): Promise<Tokens> {
    const user = await signUp(first);
    expect((await welcome(other, user.access)).status).toBe(200);
    return user;
  }

  it.each(Object.keys(endings))(
    'by %s takes effect on the other within a second',
    { timeout: 120_000 },
    async (name) => {
      const { by, code } = endings[name] as Ending;
      const delays: number[] = [];
      for (let round = 0; round < (by === logout.by ? 200 : 15); round++) {
        const user = await signedUpAndSeen();
        await by(first, user, operator);
        delays.push(await refusedAfter(user, code));
      }
      print(name, delays);
      expect(Math.max(...delays)).toBeLessThan(atTheLatest);
    },
  );

  it('by a change of roles keeps the session: a refresh gives a token with the new roles', async () => {
    const user = await signedUpAndSeen();
    await changeUser(operator, user.userId, { roles: ['editor'] }, {}, 'all');
    await refusedAfter(user, 'token_stale');
    const { status, body } = await refresh(other, user.refresh);
    expect([status, body.user.roles]).toEqual([200, ['editor']]);
    for (const at of [first, other]) expect((await welcome(at, body.access_token)).status).toBe(200);
  });

  it('takes effect within a second even if the other’s listening connection was killed just before', {
    timeout: 60_000,
  }, async () => {
    const delays: number[] = [];
    for (let round = 0; round < 10; round++) {
      const user = await signedUpAndSeen();
      await onDatabase(`SELECT pg_terminate_backend(${await listenerOf('other')})`);
      await logout.by(first, user, operator);
      delays.push(await refusedAfter(user, logout.code));
      // Until it listens again.
      await sleep(400);
    }
    print('a logout, the listening connection killed', delays);
    expect(Math.max(...delays)).toBeLessThan(atTheLatest);
  });

  it('takes effect within a second even if the other’s listening connection froze silently', {
    timeout: 60_000,
  }, async () => {
    const delays: number[] = [];
    for (let round = 0; round < 5; round++) {
      const user = await signedUpAndSeen();
      const pid = await listenerOf('other');
      process.kill(pid, 'SIGSTOP');
      try {
        await logout.by(first, user, operator);
        delays.push(await refusedAfter(user, logout.code));
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await sleep(1_000);
    }
    print('a logout, the listening connection frozen', delays);
    expect(Math.max(...delays)).toBeLessThan(atTheLatest);
  });

  it('is kept when Postgres crashes and comes back, and later endings take effect again', {
    timeout: 60_000,
  }, async () => {
    const before = await signedUpAndSeen();
    const during = await signedUpAndSeen();
    const lives = await signedUpAndSeen();
    await logout.by(first, before, operator);
    expect((await refresh(first, during.refresh)).status).toBe(200);
    await cluster.crash();
    // An instance that knows of the ending can say 401. One that cannot know must not say 200.
    const asked: number[] = [];
    for (let time = 0; time < 30; time++) {
      asked.push((await welcome(other, before.access)).status);
      await sleep(20);
    }
    for (const status of asked) expect([401, 503]).toContain(status);
    expect((await welcome(other, lives.access)).status).toBe(503);
    await cluster.restart();

    const isBack = async () =>
      (await ask(first, 'GET /readyz')).status === 200 && (await welcome(other, lives.access)).status === 200;
    for (let tries = 0; !(await isBack()); tries++) {
      if (tries > 100) throw new Error('They do not come back');
      await sleep(50);
    }
    await logout.by(first, during, operator);
    const delays = [await refusedAfter(during, logout.code), await refusedAfter(before, logout.code)];
    print('a logout after Postgres came back', delays);
    expect(Math.max(...delays)).toBeLessThan(atTheLatest);
    expect((await welcome(first, lives.access)).status).toBe(200);
    // No connections are left over from before the crash.
    await sleep(500);
    const [{ count } = { count: 0 }] = await onDatabase(
      `SELECT count(*)::int FROM pg_stat_activity WHERE application_name IN ('first', 'other')`,
    );
    expect(count).toBeLessThanOrEqual(2 * (10 + 1));
  });

  it('is known to an instance that starts afterwards, from its first request', async () => {
    const ended = await signedUpAndSeen();
    const deleted = await signedUpAndSeen();
    const stale = await signedUpAndSeen();
    await other.stop();
    await logout.by(first, ended, operator);
    await expect204(ask(first, 'DELETE /me', { bearer: deleted.access, body: { password: goodPassword } }));
    await changeUser(operator, stale.userId, { roles: ['editor'] }, {}, 'all');
    other = await startInstance(urlFor('other'));
    const codes = await Promise.all(
      [ended, deleted, stale].map(async ({ access }) => (await welcome(other, access)).body.code),
    );
    expect(codes).toEqual(['session_revoked', 'session_revoked', 'token_stale']);
  });

  it('is kept for older tokens after ACCESS_TOKEN_TTL was shortened', {
    timeout: 60_000,
  }, async () => {
    const long = await signedUpAndSeen();
    const delays: number[] = [];
    await stopAll(first, other);
    first = await startInstance(urlFor('first'), { ACCESS_TOKEN_TTL: '1' });
    other = await startInstance(urlFor('other'), { ACCESS_TOKEN_TTL: '1' });
    expect((await refresh(first, long.refresh)).body.expires_in).toBe(1);
    await logout.by(first, long, operator);
    delays.push(await refusedAfter(long, logout.code));
    print('a logout, ACCESS_TOKEN_TTL shortened in between', delays);
    // The last token has expired by now; the first is valid for another 14 minutes.
    await sleep(1_500);
    await stopAll(first, other);
    first = await startInstance(urlFor('first'));
    other = await startInstance(urlFor('other'));
    for (const at of [first, other]) expect((await welcome(at, long.access)).body.code).toBe('session_revoked');
  });

  it('of every kind takes effect within a second if the other polls', { timeout: 120_000 }, async () => {
    const polling = await startInstance(urlFor('polling'), { REVOCATION_FEED: 'poll' });
    const delays: number[] = [];
    try {
      for (const { by, code } of Object.values(endings)) {
        const user = await signUp(first);
        expect((await welcome(polling, user.access)).status).toBe(200);
        await by(first, user, operator);
        delays.push(await refusedAfter(user, code, polling));
      }
    } finally {
      await polling.stop();
    }
    print('any ending, REVOCATION_FEED=poll', delays);
    expect(Math.max(...delays)).toBeLessThan(atTheLatest);
  });
});
