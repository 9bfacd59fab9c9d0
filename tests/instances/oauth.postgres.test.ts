import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insertApiKey } from '../support/api-keys.js';
import { type Instance, type Operator, refresh, signUp, startPair, type Tokens, welcome } from '../support/instance.js';

describe('OAuth on two instances', () => {
  let operator: Operator;
  let one: Instance;
  let other: Instance;
  let stop: (() => Promise<void>) | undefined;
  let user: Tokens;
  beforeAll(async () => {
    ({ one, other, operator, stop } = await startPair());
    user = await signUp(one);
  }, 60_000);
  afterAll(async () => {
    await stop?.();
  });

  async function post(to: Instance, path: string, fields: Record<string, string>) {
    const answer = await fetch(`${to.url}${path}`, { method: 'POST', body: new URLSearchParams(fields) });
    const text = await answer.text();
    return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
  }
  const getToken = (at: Instance, key: string) =>
    post(at, '/oauth/token', { grant_type: 'client_credentials', client_id: user.userId, client_secret: key });
  const statusOf = async (at: Instance, token: string) => (await welcome(at, token)).status;

  /** Every instance feels an ending within a second. */
  async function expectRefusedSoon(at: Instance, token: string): Promise<void> {
    const deadline = performance.now() + 1_000;
    while ((await statusOf(at, token)) !== 401) {
      expect(performance.now()).toBeLessThan(deadline);
      await sleep(20);
    }
  }

  it('a token asked for while its key is revoked is refused, or good for nothing (200 rounds)', {
    timeout: 120_000,
  }, async () => {
    const outcomes = { tokens: 0, refusals: 0 };
    for (let round = 0; round < 200; round++) {
      const { id, key } = await insertApiKey({ deps: operator }, user.userId, ['profile:read']);
      const asking = [one, other, one, other].map(async (at) => {
        await sleep(Math.random() * 6);
        return getToken(at, key);
      });
      await sleep(Math.random() * 6);
      expect((await post(one, '/oauth/revoke', { token: key })).status).toBe(200);
      const answers = await Promise.all(asking);
      for (const { status, body } of answers) {
        if (status === 200) {
          outcomes.tokens += 1;
          expect(await statusOf(one, body.access_token)).toBe(401);
          await expectRefusedSoon(other, body.access_token);
          const { exp } = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url').toString());
          const { keepUntil } = await operator.db.revocation.findFirstOrThrow({ where: { sessionId: id } });
          expect(keepUntil.getTime()).toBeGreaterThanOrEqual(exp * 1000);
        } else {
          outcomes.refusals += 1;
          expect([status, body.error]).toEqual([401, 'invalid_client']);
        }
      }
      expect((await getToken(other, key)).status).toBe(401);
    }
    // Both orders must have been tried.
    expect(outcomes.tokens).toBeGreaterThan(20);
    expect(outcomes.refusals).toBeGreaterThan(20);
  });

  it('a session revoked while it is refreshed has ended, with what the refresh gave (100 rounds)', {
    timeout: 120_000,
  }, async () => {
    for (let round = 0; round < 100; round++) {
      const session = await signUp(one);
      const refreshing = [one, other].map(async (at) => {
        await sleep(Math.random() * 5);
        return refresh(at, session.refresh);
      });
      await sleep(Math.random() * 5);
      const token = round % 2 === 0 ? session.refresh : session.access;
      expect((await post(one, '/oauth/revoke', { token })).status).toBe(200);
      for (const { status, body } of await Promise.all(refreshing)) {
        if (status !== 200) {
          expect([status, body.code]).toEqual([401, 'session_revoked']);
          continue;
        }
        expect(await statusOf(one, body.access_token)).toBe(401);
        await expectRefusedSoon(other, body.access_token);
        expect((await refresh(other, body.refresh_token)).body.code).toBe('session_revoked');
      }
    }
  });
});
