import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startAppForTest } from '../support/app.js';
import { eventually } from '../support/mails.js';
import { withRole } from '../support/rows.js';
import { startReceiver } from '../support/webhook-receiver.js';
import { createWebhook } from '../support/webhooks.js';

const settings = { WEBHOOK_ALLOW: '127.0.0.0/8', RATE_LIMIT: 'off' };

it('a webhook that fails is tried once a second, and gets everything once it is back', {
  timeout: 40_000,
}, async () => {
  const receiver = await startReceiver((reply) => void reply.writeHead(500).end());
  const app = await startAppForTest(settings);
  const admin = await withRole(app, await app.signUp(), 'admin');
  const { id } = await createWebhook(app, admin, { url: receiver.url, events: ['user.created'] });
  await app.signUp();
  await eventually(() => receiver.received.length === 1);
  const users = await Promise.all(Array.from({ length: 12 }, () => app.signUp()));
  await sleep(2_500);
  expect(receiver.received.length).toBeGreaterThan(1);
  expect(receiver.received.length).toBeLessThanOrEqual(5);
  receiver.answer = (reply) => void reply.writeHead(204).end();
  await eventually(async () => {
    const left = await app.deps.db.webhookDelivery.count({ where: { webhookId: id, deliveredAt: null } });
    return left === 0;
  }, 20_000);
  const told = receiver.received.map(({ body }) => JSON.parse(body).data.user_id);
  for (const { userId } of users) expect(told).toContain(userId);
});

it('webhooks whose names cannot be looked up hold up no sign-up and no login', { timeout: 60_000 }, async () => {
  const app = await startAppForTest(settings);
  const admin = await withRole(app, await app.signUp(), 'admin');
  for (let n = 0; n < 17; n += 1)
    await createWebhook(app, admin, { url: `https://none-${n}.example.com/`, events: ['*'] });
  const beganAt = performance.now();
  for (let n = 0; n < 20; n += 1) await app.signUp();
  // Threads that wait for name servers took 15 s from the hashes.
  expect(performance.now() - beganAt).toBeLessThan(8_000);
});
