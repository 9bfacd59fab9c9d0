import { expect, it, onTestFinished } from 'vitest';
import { startApp } from '../support/app.js';
import { eventually } from '../support/mails.js';
import { withRole } from '../support/rows.js';
import { createServerDatabase } from '../support/test-database.js';
import { startReceiver } from '../support/webhook-receiver.js';
import { createWebhook } from '../support/webhooks.js';

it('two instances send each event once in total', async () => {
  const database = await createServerDatabase();
  const settings = { WEBHOOK_ALLOW: '127.0.0.0/8' };
  const apps = await Promise.all([1, 2].map(() => startApp(settings, { databaseUrl: database.url })));
  onTestFinished(async () => {
    await Promise.all(apps.map((app) => app.stop()));
    await database.drop();
  });
  const receiver = await startReceiver();
  const [one, other] = apps as [(typeof apps)[0], (typeof apps)[0]];
  const admin = await withRole(one, await one.signUp(), 'admin');
  await createWebhook(one, admin, { url: receiver.url, events: ['user.created'] });
  // The other one hears of it at its next look; here at once.
  other.deps.webhookWake.wake();
  await Promise.all(Array.from({ length: 60 }, (_, n) => apps[n % 2]?.signUp()));
  const waiting = () => one.deps.db.webhookDelivery.count({ where: { deliveredAt: null } });
  await eventually(async () => (await waiting()) === 0, 30_000);
  expect(receiver.received).toHaveLength(60);
  expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(60);
}, 60_000);
