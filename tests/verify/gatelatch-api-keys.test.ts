import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeUser } from '../../src/admin/user-changes.js';
import type { VerifierOptions } from '../../verify/src/index.js';
import { type Client, getToken, serviceClient } from '../oauth/clients.js';
import { makeKey } from '../support/api-keys.js';
import { goodPassword, startApp, type TestApp } from '../support/app.js';
import { told } from '../support/prometheus-text.js';
import { startFrontForTest } from './support/front.js';
import { answerTo, startVerifier, timeUntil } from './support/verifiers.js';

let app: TestApp;
let asker: Client;
beforeAll(async () => {
  app = await startApp();
  asker = await serviceClient(app, ['admin'], ['tokens:introspect']);
});
afterAll(() => app.stop());

async function serviceOf(options: Partial<VerifierOptions> = {}) {
  const front = await startFrontForTest(app);
  const { issuer, audience } = app.config.tokens;
  const verifier = await startVerifier({ issuer, audience, url: front.url, apiKey: asker.key, ...options });
  return { verifier, freeze: front.freeze };
}

const questions = async () => Number((await told(app, 'gatelatch_introspections_total')) ?? 0);

/** In milliseconds. A list that is asked for each second is a second older. */
const atMost = { stream: 1_500, poll: 2_500 };

describe('A service with a key of a service user', () => {
  it('takes API keys, asks once about each, and lets it do what its scopes say', async () => {
    const { verifier } = await serviceOf();
    const client = await serviceClient(app, ['admin'], ['users:read', 'todos:read']);
    const before = await questions();
    const claims = await verifier.verify(client.key, { permission: 'users:read' });
    expect(claims).toMatchObject({ sub: client.userId, sid: client.id, client_id: client.userId, kind: 'api_key' });
    expect(claims.permissions).toEqual(['todos:read', 'users:read']);
    expect(await answerTo(verifier, client.key, 'users:write')).toBe('forbidden');
    expect(await questions()).toBe(before + 1);
  });

  it('takes a token that was made from a key, and asks about it no more than about others', async () => {
    const { verifier } = await serviceOf();
    const client = await serviceClient(app, ['admin'], ['users:read']);
    const { body } = await getToken(app, client);
    const before = await questions();
    expect(await verifier.verify(body.access_token, { permission: 'users:read' })).toMatchObject({
      sub: client.userId,
      sid: client.id,
      kind: 'api_key',
    });
    expect(await questions()).toBe(before);
  });

  it.each(['stream', 'poll'] as const)(
    'feels by its list that a key was revoked, and its tokens with it (%s)',
    async (revocations) => {
      const { verifier } = await serviceOf({ revocations });
      const user = await app.signUp();
      const { id, key } = await makeKey(app, user);
      const { body } = await getToken(app, { userId: user.userId, key });
      for (const token of [key, body.access_token]) expect(await answerTo(verifier, token)).toBe('accepted');
      await app.http.delete(`/me/api-keys/${id}`).set(user.bearer).expect(204);
      expect(await timeUntil('api_key_revoked', verifier, key)).toBeLessThan(atMost[revocations]);
      expect(await answerTo(verifier, body.access_token)).toBe('session_revoked');
      expect(await answerTo(verifier, user.accessToken)).toBe('accepted');
    },
  );

  it('feels that a key’s owner was deleted', async () => {
    const { verifier } = await serviceOf();
    const user = await app.signUp();
    const { key } = await makeKey(app, user);
    expect(await answerTo(verifier, key)).toBe('accepted');
    await app.http.delete('/me').set(user.bearer).send({ password: goodPassword }).expect(204);
    expect(await timeUntil('api_key_revoked', verifier, key)).toBeLessThan(atMost.stream);
  });

  it('feels that a key’s owner was disabled, and takes the key again once the owner is enabled', async () => {
    const { verifier } = await serviceOf();
    const user = await app.signUp();
    const { key } = await makeKey(app, user);
    expect(await answerTo(verifier, key)).toBe('accepted');
    await changeUser(app.deps, user.userId, { disabled: true }, {}, 'all');
    expect(await timeUntil('invalid_token', verifier, key)).toBeLessThan(atMost.stream);
    await changeUser(app.deps, user.userId, { disabled: false }, {}, 'all');
    // What was not good is remembered for 5 seconds.
    expect(await timeUntil('accepted', verifier, key)).toBeLessThan(5_500);
  });

  it('feels other roles of a key’s owner: the key may less, and never is stale', async () => {
    const { verifier } = await serviceOf();
    const client = await serviceClient(app, ['admin'], ['users:read', 'todos:read']);
    const { body } = await getToken(app, client);
    expect(await answerTo(verifier, client.key, 'users:read')).toBe('accepted');
    await changeUser(app.deps, client.userId, { roles: ['user'] }, {}, 'all');
    expect(await timeUntil('token_stale', verifier, body.access_token)).toBeLessThan(atMost.stream);
    expect(await answerTo(verifier, client.key, 'users:read')).toBe('forbidden');
    expect(await answerTo(verifier, client.key, 'todos:read')).toBe('accepted');
    await changeUser(app.deps, client.userId, { roles: ['admin'] }, {}, 'all');
    const began = performance.now();
    await expect.poll(() => answerTo(verifier, client.key, 'users:read')).toBe('accepted');
    expect(performance.now() - began).toBeLessThan(atMost.stream);
  });

  it('refuses keys that nobody knows', async () => {
    const { verifier } = await serviceOf();
    const gone = await serviceClient(app, [], ['todos:read']);
    await app.deps.db.apiKey.delete({ where: { id: gone.id } });
    expect(await answerTo(verifier, gone.key)).toBe('invalid_token');
    expect(
      await answerTo(
        verifier,
        gone.key.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      ),
    ).toBe('invalid_token');
  });
});

describe('What cannot be known is 503, never 401, and the log says why:', () => {
  it('the service’s own key was revoked, or may not ask', async () => {
    const [mayNot, key] = [await serviceClient(app, ['admin'], ['todos:read']), await makeKey(app, await app.signUp())];
    const user = await app.signUp();
    const revoked = await makeKey(app, user);
    await app.http.delete(`/me/api-keys/${revoked.id}`).set(user.bearer).expect(204);
    for (const apiKey of [mayNot.key, revoked.key]) {
      const { verifier } = await serviceOf({ apiKey });
      expect(await answerTo(verifier, key.key)).toBe('temporarily_unavailable');
      expect(await answerTo(verifier, user.accessToken)).toBe('accepted');
      expect(verifier.told.join()).toContain('tokens:introspect');
      for (const secret of [apiKey, key.key]) expect(verifier.told.join()).not.toContain(secret);
    }
  });

  it('Gatelatch is not heard', async () => {
    const { verifier, freeze } = await serviceOf({ maxStaleness: 3 });
    const { key } = await serviceClient(app, ['admin'], ['users:read']);
    expect(await answerTo(verifier, key)).toBe('accepted');
    freeze();
    await expect.poll(verifier.lag).toBeGreaterThan(3_000);
    expect(await answerTo(verifier, key)).toBe('temporarily_unavailable');
  });
});

describe('A service without a key', () => {
  it('refuses API keys', async () => {
    const { verifier } = await serviceOf({ apiKey: undefined });
    const { key } = await makeKey(app, await app.signUp());
    expect(await answerTo(verifier, key)).toBe('invalid_token');
  });
});
