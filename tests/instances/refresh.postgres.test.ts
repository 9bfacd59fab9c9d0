import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Instance, logIn, type Operator, refresh, signUp, startPair, welcome } from '../support/instance.js';

describe('refreshing on two instances', () => {
  let operator: Operator;
  let one: Instance;
  let other: Instance;
  let stop: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    ({ one, other, operator, stop } = await startPair());
  }, 60_000);
  afterAll(async () => {
    await stop?.();
  });

  const counterOf = async (id: string) =>
    (await operator.db.session.findUniqueOrThrow({ where: { id }, select: { counter: true } })).counter;

  it('gives 40 requests at once with one token the same new token (50 rounds)', {
    timeout: 60_000,
  }, async () => {
    const { sessionId, refresh: first } = await signUp(one);
    let token = first;
    for (let round = 1; round <= 50; round++) {
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, index) => refresh(index % 2 === 0 ? one : other, token)),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      const successors = new Set(answers.map(({ body }) => body.refresh_token as string));
      expect(successors.size).toBe(1);
      expect(await counterOf(sessionId)).toBe(round);
      token = [...successors][0] as string;
    }
  });

  it('never logs a user out whose five tabs refresh at once (60 rounds)', { timeout: 120_000 }, async () => {
    const { sessionId, access, refresh: first } = await signUp(one);
    // Each tab has the token it got last; a slow one may send the one before the others' token.
    const tabs = Array.from({ length: 5 }, () => ({ access, token: first }));
    for (let cycle = 0; cycle < 60; cycle++) {
      await Promise.all(
        tabs.map(async (tab, index) => {
          await sleep(Math.random() * 10);
          const { status, body } = await refresh((index + cycle) % 2 === 0 ? one : other, tab.token);
          expect([status, body.code]).toEqual([200, undefined]);
          Object.assign(tab, { access: body.access_token, token: body.refresh_token });
        }),
      );
      expect(new Set(tabs.map(({ token }) => token)).size).toBe(1);
    }
    expect(await counterOf(sessionId)).toBe(60);
    for (const tab of tabs) expect((await welcome(other, tab.access)).status).toBe(200);
  });

  it('returns the same new token to 10 repeats, and moves the counter once', async () => {
    const { sessionId, refresh: token } = await signUp(one);
    const successors: string[] = [];
    for (let time = 0; time < 10; time++)
      successors.push((await refresh(time % 2 === 0 ? one : other, token)).body.refresh_token);
    expect(new Set(successors).size).toBe(1);
    expect(await counterOf(sessionId)).toBe(1);
  });

  it('with an old token after the grace period ends the session, and no other of the user', async () => {
    const stolen = await signUp(one);
    const phone = await logIn(other, stolen.username);
    const successor = (await refresh(one, stolen.refresh)).body;
    await operator.db
      .$executeRaw`UPDATE session SET rotated_at = rotated_at - interval '31 seconds' WHERE id = ${stolen.sessionId}::uuid`;

    expect(await refresh(other, stolen.refresh)).toMatchObject({ status: 401, body: { code: 'refresh_token_reused' } });
    for (const at of [one, other])
      for (const token of [stolen.refresh, successor.refresh_token])
        expect(await refresh(at, token)).toMatchObject({ status: 401, body: { code: 'session_revoked' } });
    expect((await welcome(other, successor.access_token)).body.code).toBe('session_revoked');
    expect((await refresh(one, phone.refresh)).status).toBe(200);
    expect((await welcome(one, phone.access)).status).toBe(200);
  });

  it('with an old token 20 times at once reports one theft, and never answers 5xx', async () => {
    const stolen = await signUp(one);
    await refresh(one, stolen.refresh);
    await operator.db
      .$executeRaw`UPDATE session SET rotated_at = rotated_at - interval '31 seconds' WHERE id = ${stolen.sessionId}::uuid`;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => refresh(index % 2 === 0 ? one : other, stolen.refresh)),
    );
    const codes = answers.map(({ body }) => body.code as string).sort();
    expect(codes).toEqual(['refresh_token_reused', ...Array(19).fill('session_revoked')]);
  });
});
