import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
// @ts-expect-error It is plain JavaScript.
import { createOrders } from '../../examples/resource-server/orders.js';
import { rotateKeys } from '../../src/keys/rotation.js';
import { createVerifier } from '../../verify/dist/index.js';
import { type SignedUp, startApp, startAppForTest, type TestApp } from '../support/app.js';
import { createForger, forgedTokens } from '../support/forged-tokens.js';
import { startFront } from '../verify/support/front.js';

/** Starts the example to check tokens of this app, until `over` stops it. */
async function startService(app: Pick<TestApp, 'url' | 'config'>, over: (stop: () => void) => void) {
  const { issuer, audience } = app.config.tokens;
  const { url, stop } = await startFront(app);
  const options = { issuer, audience, url, realm: 'orders', clockTolerance: 0, maxStaleness: 3, log: () => {} };
  const verifier = createVerifier(options);
  await verifier.ready();
  const service = createOrders(verifier).listen(0, '127.0.0.1');
  await once(service, 'listening');
  over(() => {
    verifier.close();
    service.close();
    stop();
  });
  return request(`http://127.0.0.1:${(service.address() as AddressInfo).port}`);
}

describe('A service that checks access tokens with @gatelatch/verify', () => {
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

  it.each(forgedTokens)('refuses %s', async (_, make, code) => {
    const token = make(createForger(app, user));
    const { status, body, headers } = await orders.get('/orders').set('Authorization', `Bearer ${token}`);
    expect(status).toBe(401);
    expect(body.code).toBe(code ?? 'invalid_token');
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
    // The list names the new key within a moment.
    for (const { bearer } of [before, after])
      await expect.poll(async () => (await orders.get('/orders').set(bearer)).status).toBe(200);
  });

  it('refuses the token of a session soon after its logout', async () => {
    const app = await startAppForTest();
    const orders = await startService(app, onTestFinished);
    const { bearer } = await app.signUp();
    expect((await orders.post('/orders').set(bearer)).status).toBe(201);
    await app.http.post('/auth/logout').set(bearer).expect(204);
    const ended = performance.now();
    await expect.poll(async () => (await orders.get('/orders').set(bearer)).body.code).toBe('session_revoked');
    expect(performance.now() - ended).toBeLessThan(1_500);
    const refused = await orders.post('/orders').set(bearer);
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toContain('error="invalid_token"');
  });

  it('answers 503 while it cannot hear from Gatelatch', async () => {
    const app = await startAppForTest();
    const { bearer } = await app.signUp();
    const orders = await startService(app, onTestFinished);
    expect((await orders.get('/orders').set(bearer)).status).toBe(200);
    await app.stop();
    await expect.poll(async () => (await orders.get('/orders').set(bearer)).status).toBe(503);
    expect((await orders.get('/orders').set(bearer)).headers['retry-after']).toBe('1');
  });
});
