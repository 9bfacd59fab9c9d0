import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resealKeys, revokeKey, rotateKeys } from '../../src/keys/rotation.js';
import {
  type Answer,
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
import { createServerDatabase, type TestDatabase } from '../support/test-database.js';

const oldSecret = 'tests-only-old-0123456789abcdefghijklmnopqrstuvwxyz';
const newSecret = 'tests-only-new-0123456789abcdefghijklmnopqrstuvwxyz';

describe('keys of two instances', () => {
  let database: TestDatabase;
  let operator: Operator;
  // The first listens for changes, the other polls.
  let one: Instance;
  let other: Instance;
  const start = (environment: Record<string, string>) =>
    startInstance(database.url, { AUTH_SECRET: oldSecret, ...environment });
  const startOther = (environment: Record<string, string> = {}) => start({ REVOCATION_FEED: 'poll', ...environment });

  beforeEach(async () => {
    database = await createServerDatabase();
    one = await start({});
    other = await startOther();
    operator = await openOperator(database.url, { AUTH_SECRET: oldSecret });
  }, 60_000);
  afterEach(async () => {
    await stopAll(one, other);
    await operator?.close();
    await database?.drop();
  });

  const kidOf = (accessToken: string) =>
    JSON.parse(Buffer.from(accessToken.split('.')[0] as string, 'base64url').toString()).kid as string;
  const published = async (at: Instance) =>
    ((await ask(at, 'GET /.well-known/jwks.json')).body.keys as { kid: string }[]).map(({ kid }) => kid);
  /** Makes the waiting keys look as if they had been published for long enough. */
  const ageNext = () =>
    operator.db.$executeRaw`UPDATE signing_key SET created_at = created_at - interval '1 hour' WHERE active_at IS NULL`;

  it('can be rotated under full load, and no valid token is refused', {
    timeout: 60_000,
  }, async () => {
    const users = await Promise.all(Array.from({ length: 8 }, () => signUp(one)));
    let running = true;
    let asked = 0;
    const kids = new Set<string>();
    const refused: unknown[] = [];
    const note = (what: string, { status, body }: Answer) => {
      asked += 1;
      if (status !== 200) refused.push([what, status, body.code]);
      return body;
    };
    const clients = users.map(async (user, index) => {
      let { access, refresh: token } = user;
      for (let time = index; running; time++) {
        // A token that one instance has just signed is sent to the other at once.
        const [here, there] = time % 2 === 0 ? [one, other] : [other, one];
        if (time % 8 === 0) ({ access, refresh: token } = await logIn(here, user.username));
        else
          ({ access_token: access = access, refresh_token: token = token } = note(
            'refresh',
            await refresh(here, token),
          ));
        kids.add(kidOf(access));
        note('welcome', await welcome(there, access));
        note('first welcome', await welcome(there, user.access));
      }
    });
    for (let rotation = 0; rotation < 8; rotation++) {
      // A key is published minutes before it signs; here at least as long as an instance that polls may need to hear of it.
      await sleep(800);
      await ageNext();
      expect(await rotateKeys(operator, {})).toBe(true);
    }
    await sleep(300);
    running = false;
    await Promise.all(clients);
    expect(refused).toEqual([]);
    expect(kids.size).toBeGreaterThanOrEqual(3);
    process.stdout.write(`  8 rotations under ${asked} requests\n`);
  });

  it('are revoked on both within a second: their tokens are refused and the next key signs', {
    timeout: 60_000,
  }, async () => {
    const delays: number[] = [];
    for (let round = 0; round < 10; round++) {
      const user = await signUp(one);
      const kid = kidOf(user.access);
      for (const at of [one, other]) expect((await welcome(at, user.access)).status).toBe(200);
      expect(await revokeKey(operator, kid, {})).toBe(true);
      const revoked = performance.now();
      for (const at of [one, other]) {
        while ((await welcome(at, user.access)).status === 200) {
          expect(performance.now() - revoked).toBeLessThan(1_000);
          await sleep(2);
        }
        delays.push(performance.now() - revoked);
        expect((await welcome(at, user.access)).body.code).toBe('invalid_token');
        expect(await published(at)).not.toContain(kid);
      }
      // The sessions go on, with a token of the next key.
      const { status, body } = await refresh(other, user.refresh);
      expect(status).toBe(200);
      for (const at of [one, other]) expect((await welcome(at, body.access_token)).status).toBe(200);
    }
    print('a revoked key, listening and polling', delays);
  });

  it('for refresh tokens are revoked on both within a second, and new sessions use the next key', async () => {
    const user = await signUp(one);
    const active = await operator.db.signingKey.findFirstOrThrow({
      where: { purpose: 'refresh', activeAt: { not: null }, retiredAt: null },
    });
    await revokeKey(operator, active.id, {});
    await sleep(1_000);
    for (const at of [one, other]) {
      expect((await refresh(at, user.refresh)).body.code).toBe('invalid_refresh_token');
      expect((await refresh(at === one ? other : one, (await logIn(at, user.username)).refresh)).status).toBe(200);
    }
  });

  it('survive a rolling change of AUTH_SECRET by the runbook: every refresh succeeds with the same new token', {
    timeout: 120_000,
  }, async () => {
    const users = await Promise.all(Array.from({ length: 4 }, () => signUp(one)));
    let running = true;
    const refused: unknown[] = [];
    let pairs = 0;
    let refreshed = 0;

    // A client behind a load balancer: while one instance restarts, it tries the other with the same token.
    async function persistently(first: () => Instance, second: () => Instance, token: string): Promise<Answer> {
      for (let tries = 0; ; tries++) {
        try {
          return await refresh(tries % 2 === 0 ? first() : second(), token);
        } catch (error) {
          if (tries > 200) throw error;
          await sleep(10);
        }
      }
    }
    const clients = users.map(async (user: Tokens) => {
      let token = user.refresh;
      while (running) {
        const [here, there] = await Promise.all([
          persistently(
            () => one,
            () => other,
            token,
          ),
          persistently(
            () => other,
            () => one,
            token,
          ),
        ]);
        for (const { status, body } of [here, there]) if (status !== 200) refused.push([status, body.code]);
        if (here.body.refresh_token !== there.body.refresh_token) refused.push('two successors');
        pairs += 1;
        refreshed += 2;
        token = here.body.refresh_token ?? token;
        await sleep(5);
      }
    });

    const both = { AUTH_SECRET: newSecret, AUTH_SECRET_PREVIOUS: oldSecret };
    const onlyNew = { AUTH_SECRET: newSecret };
    const asRunbook = await openOperator(database.url, both);
    try {
      await sleep(300);
      await other.stop();
      other = await startOther(both);
      await sleep(300);
      // A rotation in between, sealed with the new secret, while the first instance knows only the old one.
      await ageNext();
      expect(await rotateKeys(asRunbook, {})).toBe(true);
      await sleep(600);
      for (const { username } of users) {
        const tokens = await logIn(other, username);
        expect((await refresh(one, tokens.refresh)).status).toBe(200);
        expect((await welcome(one, tokens.access)).status).toBe(200);
      }
      await one.stop();
      one = await start(both);
      expect(await resealKeys(asRunbook)).toBeGreaterThanOrEqual(5);
      await sleep(300);
      await other.stop();
      other = await startOther(onlyNew);
      await sleep(300);
      await one.stop();
      one = await start(onlyNew);
      await sleep(300);
    } finally {
      running = false;
      await Promise.all(clients);
      await asRunbook.close();
    }
    expect(refused).toEqual([]);
    for (const at of [one, other]) for (const { access } of users) expect((await welcome(at, access)).status).toBe(200);
    expect(pairs).toBeGreaterThan(20);
    process.stdout.write(`  a rolling change of AUTH_SECRET under ${refreshed} refreshes\n`);
    // The old secret no longer works.
    await expect(startInstance(database.url, { AUTH_SECRET: oldSecret })).rejects.toThrow('AUTH_SECRET does not open');
  });
});
