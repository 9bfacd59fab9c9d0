import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
// @ts-expect-error It is plain JavaScript.
import { createLiveSession } from '../../examples/resource-server/live-session.js';
// @ts-expect-error It is plain JavaScript.
import { createService } from '../../examples/resource-server/service.js';
// @ts-expect-error It is plain JavaScript.
import { createVerify } from '../../examples/resource-server/verify.js';
import { rotateKeys } from '../../src/keys/rotation.js';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { createForger, forgedTokens } from '../support/forged-tokens.js';

// Tokens that only Gatelatch's own key could sign, and never does.
const neverSigned = /b64 false|ver is text|sub is no id|longer than 24 hours|exp is in milliseconds|exp is 1e308/;

/** Starts the example to check tokens of this app, until `over` stops it. */
async function startService({ url, config }: Pick<TestApp, 'url' | 'config'>, over: (stop: () => void) => void) {
  const { issuer, audience } = config.tokens;
  const service = createService({
    verify: createVerify({ url, issuer, audience }),
    isLive: createLiveSession({ url, forSeconds: 0 }),
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  over(() => void service.close());
  return request(`http://127.0.0.1:${(service.address() as AddressInfo).port}`);
}

describe('A service that checks access tokens with the JWKS', () => {
  let app: TestApp;
  let orders: ReturnType<typeof request>;
  let user: SignedUp;
  let stop: () => void;

  beforeAll(async () => {
    app = await startApp();
    orders = await startService(app, (close) => {
      stop = close;
    });
    user = await app.signUp();
  });
  afterAll(async () => {
    stop?.();
    await app?.stop();
  });

  it('accepts users of Gatelatch, and tells them apart', async () => {
    const placed = await orders.post('/orders').set(user.bearer);
    expect(placed.status).toBe(201);
    const { status, body } = await orders.get('/orders').set(user.bearer);
    expect({ status, body }).toEqual({ status: 200, body: { data: [placed.body] } });
    const other = await app.signUp();
    expect((await orders.get('/orders').set(other.bearer)).body).toEqual({ data: [] });
  });

  it('refuses requests without a token', async () => {
    const { status, headers } = await orders.get('/orders');
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe('Bearer realm="orders"');
  });

  it.each(forgedTokens.filter(([what]) => !neverSigned.test(what)))('refuses %s', async (_, make) => {
    const token = make(createForger(app, user));
    const { status, body, headers } = await orders.get('/orders').set('Authorization', `Bearer ${token}`);
    expect({ status, body }).toEqual({ status: 401, body: { error: expect.any(String) } });
    expect(headers['www-authenticate']).toContain('Bearer realm="orders"');
  });

  it('has no other routes', async () => {
    expect((await orders.get('/').set(user.bearer)).status).toBe(404);
  });
});

describe('Over time, such a service', () => {
  it('still accepts tokens while keys rotate', async () => {
    const app = await startAppForTest();
    const orders = await startService(app, onTestFinished);
    const before = await app.signUp();
    expect((await orders.get('/orders').set(before.bearer)).status).toBe(200);
    // Makes the next key look as if it had been published for long enough.
    await app.deps.db
      .$executeRaw`UPDATE signing_key SET created_at = created_at - interval '1 hour' WHERE active_at IS NULL`;
    expect(await rotateKeys(app.deps, {})).toBe(true);
    const after = await app.signUp();
    const kidOf = ({ accessToken }: SignedUp) => accessToken.split('.')[0];
    expect(kidOf(after)).not.toBe(kidOf(before));
    for (const { bearer } of [before, after]) expect((await orders.get('/orders').set(bearer)).status).toBe(200);
  });

  it('does not notice a logout by the keys alone, so it asks Gatelatch before important actions', async () => {
    const app = await startAppForTest();
    const orders = await startService(app, onTestFinished);
    const { bearer } = await app.signUp();
    expect((await orders.post('/orders').set(bearer)).status).toBe(201);
    await app.http.post('/auth/logout').set(bearer).expect(204);
    expect((await orders.get('/orders').set(bearer)).status).toBe(200);
    const refused = await orders.post('/orders').set(bearer);
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toContain('error="invalid_token"');
  });

  it('answers 503 if it cannot get the keys, or cannot ask before an important action', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {});
    onTestFinished(() => error.mockRestore());
    const app = await startAppForTest();
    const { bearer } = await app.signUp();
    const informed = await startService(app, onTestFinished);
    expect((await informed.get('/orders').set(bearer)).status).toBe(200);
    await app.stop();
    expect((await informed.get('/orders').set(bearer)).status).toBe(200);
    const uninformed = await startService(app, onTestFinished);
    for (const refused of [await informed.post('/orders').set(bearer), await uninformed.get('/orders').set(bearer)]) {
      expect(refused.status).toBe(503);
      expect(refused.headers['retry-after']).toBe('5');
    }
  });
});
