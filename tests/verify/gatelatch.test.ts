import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import { revokeKey, rotateKeys } from '../../src/keys/rotation.js';
import type { Verifier, VerifierOptions } from '../../verify/src/index.js';
import { goodPassword, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { createForger, forgedTokens } from '../support/forged-tokens.js';
import { startFrontForTest } from './support/front.js';
import { answerTo, startVerifier, timeUntil } from './support/verifiers.js';

let app: TestApp;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

async function serviceOf(of: TestApp, options: Partial<VerifierOptions> = {}) {
  const front = await startFrontForTest(of);
  const { issuer, audience } = of.config.tokens;
  const verifier: Verifier = await startVerifier({ issuer, audience, url: front.url, ...options });
  return { verifier, ...front };
}

/** In milliseconds. A list that is asked for each second is a second older. */
const atMost = { stream: 1_500, poll: 2_500 };

describe.each(['stream', 'poll'] as const)('A service with revocations: %s feels', (revocations) => {
  it('a logout', async () => {
    const { verifier } = await serviceOf(app, { revocations });
    const [user, other] = [await app.signUp(), await app.signUp()];
    expect(await answerTo(verifier, user.accessToken)).toBe('accepted');
    await app.http.post('/auth/logout').set(user.bearer).expect(204);
    expect(await timeUntil('session_revoked', verifier, user.accessToken)).toBeLessThan(atMost[revocations]);
    expect(await answerTo(verifier, other.accessToken)).toBe('accepted');
  });

  it('new roles, and lets in with the token that comes by a refresh', async () => {
    const { verifier } = await serviceOf(app, { revocations });
    const user = await app.signUp();
    await changeUser(app.deps, user.userId, { roles: ['editor'] }, {}, 'all');
    expect(await timeUntil('token_stale', verifier, user.accessToken)).toBeLessThan(atMost[revocations]);
    const { body } = await app.http.post('/auth/refresh').send({ refresh_token: user.refreshToken }).expect(200);
    expect(await answerTo(verifier, body.access_token)).toBe('accepted');
  });
});

describe('A service feels', () => {
  it('a user’s disabling and deletion', async () => {
    const { verifier } = await serviceOf(app);
    const [disabled, deleted] = [await app.signUp(), await app.signUp()];
    await changeUser(app.deps, disabled.userId, { disabled: true }, {}, 'all');
    await app.http.delete('/me').set(deleted.bearer).send({ password: goodPassword }).expect(204);
    for (const { accessToken } of [disabled, deleted])
      expect(await timeUntil('session_revoked', verifier, accessToken)).toBeLessThan(atMost.stream);
  });

  it('a new password: all other sessions end, and the one that set it goes on', async () => {
    const { verifier } = await serviceOf(app);
    const user = await app.signUp();
    const { body } = await app.http
      .post('/auth/login')
      .send({ username: user.username, password: user.password })
      .expect(200);
    const change = { current_password: goodPassword, new_password: 'nine other geese over the lake' };
    await app.http.post('/me/password').set(user.bearer).send(change).expect(204);
    expect(await timeUntil('session_revoked', verifier, body.access_token)).toBeLessThan(atMost.stream);
    expect(await answerTo(verifier, user.accessToken)).toBe('accepted');
    await app.http.post('/auth/logout-all').set(user.bearer).expect(204);
    expect(await timeUntil('session_revoked', verifier, user.accessToken)).toBeLessThan(atMost.stream);
  });

  it('a revoked signing key, and not a rotated one', async () => {
    const own = await startAppForTest();
    const { verifier } = await serviceOf(own);
    const before = await own.signUp();
    // Makes the next key look as if it had been published for long enough.
    await own.deps.db
      .$executeRaw`UPDATE signing_key SET created_at = created_at - interval '1 hour' WHERE active_at IS NULL`;
    expect(await rotateKeys(own.deps, {})).toBe(true);
    const after = await own.signUp();
    await timeUntil('accepted', verifier, after.accessToken);
    expect(await answerTo(verifier, before.accessToken)).toBe('accepted');
    const kid = JSON.parse(Buffer.from(`${before.accessToken.split('.')[0]}`, 'base64url').toString()).kid;
    await revokeKey(own.deps, kid, {});
    expect(await timeUntil('invalid_token', verifier, before.accessToken)).toBeLessThan(atMost.stream);
    expect(await answerTo(verifier, after.accessToken)).toBe('accepted');
  });
});

describe('A service that is cut off', () => {
  it.each(['frozen', 'cut', 'stopped'] as const)(
    'from a Gatelatch that is %s lets nobody in after maxStaleness',
    async (how) => {
      const own = await startApp();
      const { verifier, freeze, cut } = await serviceOf(own, { maxStaleness: 3 });
      const user = await own.signUp();
      expect(await answerTo(verifier, user.accessToken)).toBe('accepted');
      const began = performance.now();
      if (how !== 'stopped') freeze();
      if (how === 'cut') cut();
      if (how === 'stopped') await own.stop();
      await timeUntil('temporarily_unavailable', verifier, user.accessToken);
      expect(performance.now() - began).toBeLessThan(how === 'stopped' ? 8_000 : 3_200);
      await own.stop();
    },
  );

  it('hears what it missed once it is back', async () => {
    const { verifier, cut } = await serviceOf(app);
    const user = await app.signUp();
    cut();
    await app.http.post('/auth/logout').set(user.bearer).expect(204);
    expect(await timeUntil('session_revoked', verifier, user.accessToken)).toBeLessThan(3_000);
  });
});

describe('A service refuses what Gatelatch refuses:', () => {
  it('every forged token, by the same code', async () => {
    const { verifier } = await serviceOf(app, { clockTolerance: 0 });
    const forger = createForger(app, await app.signUp());
    const answers = await Promise.all(
      forgedTokens.map(async ([what, make]) => [what, await answerTo(verifier, make(forger))]),
    );
    expect(answers).toEqual(forgedTokens.map(([what, , code]) => [what, code ?? 'invalid_token']));
  });

  it('by the same challenges, titles and members', async () => {
    const { verifier } = await serviceOf(app);
    const user = await app.signUp();
    const refusals = [
      { path: '/me' },
      { path: '/me', authorization: 'Bearer nothing' },
      { path: '/admin/users', authorization: user.bearer.Authorization, permission: 'users:read' },
    ];
    for (const { path, authorization, permission } of refusals) {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const theirs = await fetch(`${app.url}${path}`, { headers });
      const problem = (await theirs.json()) as { request_id: string; detail: string };
      const ours = await verifier.verifyRequest({ method: 'GET', headers }, { permission }).catch((error) => error);
      expect(ours.problem(problem.request_id)).toEqual({
        ...problem,
        ...(authorization === 'Bearer nothing' && { detail: 'The issuer did not sign the token.' }),
      });
      expect(ours.challenge).toBe(theirs.headers.get('www-authenticate'));
      expect(ours.status).toBe(theirs.status);
    }
  });
});
